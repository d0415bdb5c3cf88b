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

    Args:
        rate: expected arrivals per second.
        work: mean GPU seconds of a job.
        patience: seconds of waiting that are not late yet.
        worth: pod seconds that one job less being late is worth.
        most: look no further.
        price: pod seconds that a second of the last pod costs; above 1 when its start has to be
            earned as well.
    """
    load, pods = rate * work, 0
    now = 1.0
    for more in range(1, most + 1):
        then = late_share(more, load, patience / work)
        if load >= more or rate * (now - then) * worth >= price:
            pods = more
        elif more > load:
            break
        now = then
    return pods if rate * worth >= price else 0
