"""Readings as a run of every part leaves them, in the shapes that the parts make rows of."""

import pytest

from deploy.bench.api_beside_uploads import BesideUploadsReadings
from deploy.bench.api_speed import SpeedReadings
from deploy.bench.counts import HistorySize, RestoreCounts
from deploy.bench.crowd import CrowdReadings
from deploy.bench.fanout import FanoutReadings
from deploy.bench.first_job import FirstJobReadings
from deploy.bench.fleet import FleetForm, FleetReadings
from deploy.bench.holds import Hold
from deploy.bench.light_pods import PodRun
from deploy.bench.machine import Machine
from deploy.bench.measures import Measure
from deploy.bench.overhead import GraphReadings, OverheadReadings
from deploy.bench.overlap import OverlapReadings
from deploy.bench.paid_first import PaidFirstReadings
from deploy.bench.rounds import Round, Rounds
from deploy.bench.slot_memory import SlotMemory
from deploy.bench.slots import SlotReadings
from deploy.bench.uploads import UploadReadings
from deploy.bench.waiting import WaitingReadings
from deploy.bench.webhooks import WebhookReadings


@pytest.fixture
def counts() -> RestoreCounts:
    return RestoreCounts(
        statements=6,
        progress_writes=3,
        transactions=7,
        requests={"PutObject": 3, "GetObject": 2},
        render=HistorySize(23, 4907, 3),
        job=HistorySize(16, 2722, 0),
        seconds=0.3,
    )


@pytest.fixture
def overhead() -> OverheadReadings:
    """U is 10 ms, then 12 ms; the script adds 0.1 s to a graph, a restoration 0.14 s."""
    return OverheadReadings(
        ready=4.0,
        stopped=2.0,
        idle_mb={"api": 158.0, "worker": 161.0},
        graphs=[
            GraphReadings(
                0.5,
                script=[0.600, 0.600, 0.604, 0.604],
                durable=[0.63, 0.64, 0.65],
                trips=[0.009, 0.010, 0.011, 0.011, 0.012, 0.013],
            ),
            GraphReadings(5.0, script=[5.100, 5.104], durable=[5.14], trips=[0.010, 0.012]),
        ],
    )


@pytest.fixture
def slots() -> SlotReadings:
    """Two servers; the gaps are 20 and 40 ms under us, 100 ms and then 120 ms under the script."""
    return SlotReadings(
        script=[[(0.0, 2.0), (2.1, 4.1)], [(0.0, 2.0), (2.1, 4.1)]],
        durable=[[(10.0, 12.0), (12.02, 14.02)], [(10.0, 12.0), (12.04, 14.04)]],
        script_again=[[(20.0, 22.0), (22.12, 24.12)], [(20.0, 22.0), (22.12, 24.12)]],
        memory=SlotMemory([(1, 170.0), (1, 171.0), (8, 184.5)]),
        cpu_seconds=0.4,
    )


@pytest.fixture
def waiting() -> WaitingReadings:
    return WaitingReadings(100, 1000, (340.0, 342.0), 385.0)


@pytest.fixture
def upload() -> UploadReadings:
    return UploadReadings([0.5, 0.25], [5.0, 6.0, 5.5], [0.25, 0.0], (163.0, 168.0))


@pytest.fixture
def fanout() -> FanoutReadings:
    return FanoutReadings(2, [0.004, 0.006], [0.010, 0.012, 0.014, 0.016], [0.006, 0.008])


@pytest.fixture
def first_job() -> FirstJobReadings:
    """U is 10 ms, then 12 ms."""
    return FirstJobReadings([0.009, 0.010, 0.011], [0.011, 0.012, 0.013], [0.020, 0.022, 0.030])


@pytest.fixture
def paid_first() -> PaidFirstReadings:
    """U is 10 ms, then 12 ms."""
    return PaidFirstReadings(200, [0.010], [0.012], [0.022, 0.033, 0.044])


@pytest.fixture
def overlap() -> OverlapReadings:
    """Two pods; with a backlog one idles for 0.3 s of the 5 s in which both work and work waits."""
    return OverlapReadings(
        pods=2,
        backlogged=[
            Hold("a", 0.0, (1.0, 4.0)),
            Hold("b", 0.1, (1.1, 4.1)),
            Hold("a", 2.5, (4.0, 7.0)),
            Hold("b", 2.6, (4.4, 7.4)),
            Hold("a", 6.1, (7.2, 10.2)),
        ],
        trickled=[Hold("a", 20.0, (21.0, 24.0)), Hold("b", 21.0, (22.0, 25.0))],
    )


@pytest.fixture
def fleet() -> FleetReadings:
    """Two pods; one idles for 1.5 s between two prompts and 0.5 s when it had its last."""
    return FleetReadings(
        FleetForm(pods=2, renders=6, seconds=3.0),
        memory=[(1, 180.0), (1, 181.0), (2, 182.0)],
        runs=[
            PodRun("a", "1", 0.0, 0.0, 3.0),
            PodRun("b", "2", 0.5, 0.5, 3.5),
            PodRun("a", "3", 2.9, 3.0, 6.0),
            PodRun("b", "4", 4.9, 5.0, 8.0),
            PodRun("a", "5", 6.0, 6.0, 9.0),
            PodRun("a", "6", 8.5, 9.0, 12.0),
        ],
        succeeded=5,
        cpu_seconds=0.6,
    )


@pytest.fixture
def machine() -> Machine:
    return {"cores": 2, "python": "3.11.7", "system": "Linux x86_64", "load": 0.1}


@pytest.fixture
def webhooks() -> WebhookReadings:
    """The bare route takes 19 ms, then 21 ms; ours takes 24 ms."""
    return WebhookReadings(
        at_once=50,
        bare=[[0.018, 0.019, 0.020], [0.019], [0.021], [0.021]],
        ours=[[0.023, 0.024], [0.024, 0.024], [0.030]],
    )


@pytest.fixture
def speed() -> SpeedReadings:
    """The bare app takes 10 ms, 12 ms and 14 ms at the median; ours 15 ms, then 26 ms."""
    rounds = Rounds(
        bare=[
            Round([0.008, 0.010, 0.012], 0.006),
            Round([0.012], 0.002),
            Round([0.014], 0.002),
        ],
        ours=[Round([0.014, 0.015, 0.016], 0.009), Round([0.026], 0.003, refused=2)],
    )
    return SpeedReadings(dict.fromkeys(("api_get", "api_restore", "api_upload"), rounds))


@pytest.fixture
def beside_uploads() -> BesideUploadsReadings:
    """Through the API 12 ms over 10 ms; past it 11 ms over 10 ms."""
    plain = [Round([0.010], 0.002), Round([0.010], 0.002)]
    return BesideUploadsReadings(
        Rounds(plain, [Round([0.012], 0.003, photos=8)]),
        Rounds(plain, [Round([0.011], 0.002, photos=16)]),
        [40.0, 52.5],
    )


@pytest.fixture
def crowd() -> CrowdReadings:
    return CrowdReadings(1024, [0.010, 0.020, 0.030], 1, (150.0, 190.0), 0.009)


@pytest.fixture
def measures(
    counts: RestoreCounts,
    overhead: OverheadReadings,
    slots: SlotReadings,
    waiting: WaitingReadings,
    upload: UploadReadings,
    fanout: FanoutReadings,
    first_job: FirstJobReadings,
    paid_first: PaidFirstReadings,
    overlap: OverlapReadings,
    fleet: FleetReadings,
    webhooks: WebhookReadings,
    speed: SpeedReadings,
    beside_uploads: BesideUploadsReadings,
    crowd: CrowdReadings,
) -> dict[str, Measure]:
    """The rows of all parts, by name."""
    rows = [
        *counts.rows(),
        *overhead.rows(),
        *slots.rows(),
        waiting.row(),
        upload.row(),
        fanout.row(),
        first_job.row(),
        paid_first.row(),
        *overlap.rows(),
        *fleet.rows(),
        *webhooks.rows(),
        *speed.rows(),
        *beside_uploads.rows(),
        *crowd.rows(),
    ]
    assert len({row.name for row in rows}) == len(rows)
    return {row.name: row for row in rows}
