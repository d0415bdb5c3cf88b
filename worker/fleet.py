"""The fleet of a worker process: fixed servers, or pods rented on the settings' terms."""

from dataclasses import dataclass, replace

from activities.fleet import Fleet, FleetActivities
from activities.pods import Renting, Terms
from activities.pods.candidates import Candidates, Wanted
from comfy_graphs import installed_packs, load_pack
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import SettingsInvalid
from rekindle.ports.gpu_cloud import GpuCloud
from rekindle.ports.pods import Capacity, PodLauncher
from rekindle.rules.scaling import ClassPolicy, Prewarm, parse_prewarm
from rekindle.settings import Settings
from rekindle.wiring.worker import WorkerPorts


@dataclass(frozen=True)
class FleetParts:
    """Who launches pods, who is asked for more, and what the autoscaler has done."""

    launcher: PodLauncher
    capacity: Capacity
    activities: FleetActivities


def fleet_parts(ports: WorkerPorts) -> FleetParts:
    """The parts that these ports allow. Raises `SettingsInvalid` when a term cannot be read."""
    if ports.cloud is None:
        idle = _activities(ports, scaler=None)
        return FleetParts(ports.fixed.launcher, ports.fixed.capacity, idle)
    candidates = _candidates(ports, ports.cloud)
    scaler = _scaler(ports, candidates)
    renting = Renting(
        cloud=ports.cloud,
        door=ports.door,
        database=ports.database,
        candidates=candidates,
        terms=terms(ports.settings),
    )
    return FleetParts(renting, scaler, _activities(ports, scaler=scaler))


def terms(settings: Settings) -> Terms:
    """On which terms pods are rented."""
    return Terms(
        environment=settings.environment,
        secret_key=settings.secret_key.get_secret_value(),
        image=settings.pod_image,
        disk_gb=settings.pod_disk_gb,
        volume_id=settings.runpod_network_volume_id,
        volume_path=settings.pod_volume_path,
        min_cuda=settings.pod_min_cuda,
        boot_seconds=settings.pod_boot_seconds,
        age_seconds=settings.pod_age_seconds,
        away_seconds=settings.pod_away_seconds,
        alone_seconds=settings.pod_alone_seconds,
        dead_man_seconds=settings.dead_man_seconds,
        lag_seconds=settings.pod_lag_seconds,
        models_path=settings.models_path,
    )


def class_policies(settings: Settings) -> dict[GpuClass, ClassPolicy]:
    """How each class is scaled. Raises `SettingsInvalid` when a pre-warm entry cannot be read."""
    common = ClassPolicy(
        max_pods=0,
        idle_seconds=settings.pod_idle_seconds,
        scale_in_stabilization_seconds=settings.pod_settled_seconds,
        late_seconds=settings.pod_late_seconds,
        usd_per_hour=settings.spend_per_hour,
        usd_per_day=settings.spend_per_day,
        paid_reserve=settings.spend_paid_reserve,
    )
    image = replace(
        common,
        max_pods=settings.image_pods_max,
        min_pods=min(settings.image_pods_min, settings.image_pods_max),
        warm_spares=settings.image_pods_spare,
        prewarm=_prewarm(settings.image_pods_prewarm),
        class_usd_per_hour=settings.image_spend_per_hour,
        class_usd_per_day=settings.image_spend_per_day,
    )
    video = replace(
        common,
        max_pods=settings.video_pods_max,
        min_pods=min(settings.video_pods_min, settings.video_pods_max),
        warm_spares=settings.video_pods_spare,
        prewarm=_prewarm(settings.video_pods_prewarm),
        idle_seconds=settings.video_pod_idle_seconds or settings.pod_idle_seconds,
        class_usd_per_hour=settings.video_spend_per_hour,
        class_usd_per_day=settings.video_spend_per_day,
    )
    return {GpuClass.IMAGE: image, GpuClass.VIDEO: video}


def _prewarm(text: str) -> tuple[Prewarm, ...]:
    try:
        return parse_prewarm(text)
    except ValueError as error:
        raise SettingsInvalid(f"A pre-warm entry cannot be read: {error}.") from error


def _activities(ports: WorkerPorts, *, scaler: Fleet | None) -> FleetActivities:
    return FleetActivities(
        scaler=scaler,
        cloud=ports.cloud,
        owners=ports.owners,
        database=ports.database,
        environment=ports.settings.environment,
    )


def _candidates(ports: WorkerPorts, cloud: GpuCloud) -> Candidates:
    settings = ports.settings
    wanted = {
        GpuClass.IMAGE: Wanted(settings.image_gpu_types),
        GpuClass.VIDEO: Wanted(settings.video_gpu_types),
    }
    return Candidates(cloud, ports.database, wanted, volume_id=settings.runpod_network_volume_id)


def _scaler(ports: WorkerPorts, candidates: Candidates) -> Fleet:
    return Fleet(
        owners=ports.owners,
        database=ports.database,
        candidates=candidates,
        policies=class_policies(ports.settings),
        failures_allowed=ports.settings.pod_failures,
        typical={name: load_pack(name).manifest.typical_seconds for name in installed_packs()},
    )
