"""Metrics and labels of the usual exporters, as far as the catalogue uses them; typed from the exporters' own lists.

node_exporter 1.8 (filesystem), redis_exporter 1.6x, postgres_exporter 0.15 (pg_stat_activity, pg_settings), kube-state-metrics 2.13
(docs/metrics), cAdvisor as the kubelet exposes it, blackbox_exporter 0.25 (http prober), Prometheus 2.42 and Alertmanager 0.25 (their pages).
"""

from __future__ import annotations

SCRAPED = {"job", "instance"}
_POD = {"namespace", "pod", "container"}

EXPORTERS: dict[str, dict[str, set[str]]] = {
    "node": {
        name: {"device", "fstype", "mountpoint"}
        for name in ("node_filesystem_avail_bytes", "node_filesystem_size_bytes", "node_filesystem_free_bytes")
    },
    "redis": {"redis_connected_clients": set(), "redis_config_maxclients": set(), "redis_up": set()},
    "postgres": {
        "pg_stat_activity_count": {"server", "datname", "state", "usename"},
        "pg_settings_max_connections": {"server"},
    },
    "kube-state-metrics": {
        "kube_pod_container_status_restarts_total": {*_POD, "uid"},
        "kube_pod_container_status_last_terminated_reason": {*_POD, "uid", "reason"},
        "kube_node_status_condition": {"node", "condition", "status"},
        "kube_deployment_spec_replicas": {"namespace", "deployment"},
        "kube_deployment_status_replicas_available": {"namespace", "deployment"},
        "kube_horizontalpodautoscaler_status_current_replicas": {"namespace", "horizontalpodautoscaler"},
        "kube_horizontalpodautoscaler_spec_max_replicas": {"namespace", "horizontalpodautoscaler"},
        "kube_cronjob_status_last_successful_time": {"namespace", "cronjob"},
        "kube_cronjob_created": {"namespace", "cronjob"},
    },
    "cadvisor": {
        "container_memory_working_set_bytes": {*_POD, "id", "image", "name"},
        "container_memory_usage_bytes": {*_POD, "id", "image", "name"},
        "container_spec_memory_limit_bytes": {*_POD, "id", "image", "name"},
        "container_cpu_usage_seconds_total": {*_POD, "id", "image", "name", "cpu"},
        "container_spec_cpu_quota": {*_POD, "id", "image", "name"},
        "container_spec_cpu_period": {*_POD, "id", "image", "name"},
    },
    "blackbox": {"probe_ssl_earliest_cert_expiry": set()},
    "prometheus": {
        "up": set(),
        "prometheus_rule_evaluation_failures_total": {"rule_group"},
        "prometheus_rule_group_last_duration_seconds": {"rule_group"},
        "prometheus_notifications_alertmanagers_discovered": set(),
    },
    "alertmanager": {
        "alertmanager_notifications_failed_total": {"integration"},
        "alertmanager_notifications_total": {"integration"},
    },
}
"""Exporter -> metric -> its own labels, without those of the scrape."""


def labels_by_metric() -> dict[str, set[str]]:
    """Metric of any exporter -> every label that its series have."""
    return {name: labels | SCRAPED for metrics in EXPORTERS.values() for name, labels in metrics.items()}
