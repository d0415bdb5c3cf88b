"""The nodes a graph can be made of: declarations, the functions behind them, test cards.

Pictures are float32 arrays of shape (batch, height, width, channels) in 0..1, masks are float32
arrays of shape (batch, height, width). Arrays travel between nodes by reference and may be
read-only views: a node never writes into its inputs. OpenCV and PyAV are imported by the
functions that need them, so that an idle engine stays small.
"""
