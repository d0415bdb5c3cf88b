"""How many pods the expected arrivals are worth."""

from math import exp


def late_share(pods: int, load: float, patience: float) -> float:
    """The share of jobs that wait longer than wished: the tail of the M/M/m queue (Erlang C).

    Args:
        pods: m, pods that serve.
        load: R, arrival rate times mean work: the mean number of busy pods.
        patience: the wait that is not late yet, in mean works.
    """
    if load >= pods:
        return 1.0
    blocking = 1.0
    for servers in range(1, pods + 1):
        blocking = load * blocking / (servers + load * blocking)
    waiting = blocking / (1 - load / pods * (1 - blocking))
    return waiting * exp(-(pods - load) * patience)


def worthwhile(
    rate: float, *, work: float, patience: float, worth: float, most: int, price: float = 1.0
) -> int:
    """The most pods of which the last still saves more lateness than it costs.

    As soon as any are worth it there are as many as the load keeps busy, and one more: fewer would
    let the queue grow for ever, and how little the first of them spares says nothing of the next.

    Args:
        rate: expected arrivals per second.
        work: mean GPU seconds of a job.
        patience: seconds of waiting that are not late yet.
        worth: pod seconds that one job less being late is worth.
        most: look no further.
        price: pod seconds that a second of the last pod costs; above 1 when its start has to be
            earned as well.
    """
    if rate * worth < price:
        return 0
    load = rate * work
    pods = min(int(load) + 1, most)
    now = late_share(pods, load, patience / work)
    while pods < most:
        then = late_share(pods + 1, load, patience / work)
        if rate * (now - then) * worth < price:
            break
        pods, now = pods + 1, then
    return pods
