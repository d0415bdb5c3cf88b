"""Still pictures, by Pillow and libheif."""
