"""Every wrong value is refused with one sentence that says what to set."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.chart.tools import CHART, CONSUMER, Helm

IMAGE = {"app": {"image": {"repository": "orders"}}}
SECRET = {"existingSecret": {"name": "orders-database"}}
APP = {**IMAGE, "database": SECRET}
HOST = {"host": "db", "name": "orders", "user": "me"}


def settings(**given: object) -> dict[str, Any]:
    """Mode app with settings of the exporter."""
    return {**APP, "exporter": {"settings": given}}


def extra_env(*names: str) -> dict[str, Any]:
    """Mode app with further variables."""
    return {**APP, "exporter": {"extraEnv": [{"name": name, "value": "x"} for name in names]}}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no image": (
        {"database": SECRET},
        "app.image.repository is empty: set the application's image, or set mode to injection or standalone",
    ),
    "nothing at all": (
        {},
        "or set mode to injection or standalone; and no database is given: set database.existingSecret.name,",
    ),
    "no database": (
        IMAGE,
        "no database is given: set database.existingSecret.name, database.url, database.host or databases",
    ),
    "an image without an application": (
        {"mode": "standalone", **APP},
        "app.image is set, but mode standalone deploys no application: remove it or set mode to app",
    ),
    "a gate without an application": (
        {"mode": "standalone", "database": SECRET, "exporter": {"startupGate": {"enabled": True}}},
        "exporter.startupGate.enabled gates an application's start, and mode standalone has none: remove it",
    ),
    "a gate in a plain container": (
        {**APP, "exporter": {"native": False, "startupGate": {"enabled": True}}},
        "exporter.startupGate.enabled needs exporter.native: a plain container holds no other back",
    ),
    "an application's port without one": (
        {"mode": "standalone", "database": SECRET, "app": {"port": 80}},
        "app.port is set, but mode standalone deploys no application: remove it or set mode to app",
    ),
    "an application's liveness without one": (
        {"mode": "standalone", "database": SECRET, "app": {"probes": {"liveness": True}}},
        "app.probes.liveness is set, but mode standalone deploys no application",
    ),
    "an application's replicas to inject": (
        {"mode": "injection", "app": {"replicas": 0}},
        "app.replicas is set, but mode injection deploys no application",
    ),
    "a place for pods to inject into": (
        {"mode": "injection", "nodeSelector": {"a": "b"}},
        "nodeSelector is set, but mode injection makes no pods of its own: remove it, or set mode to app or standalone",
    ),
    "an account to inject": (
        {"mode": "injection", "serviceAccount": {"create": True}},
        "serviceAccount.create is set, but mode injection makes no pods of its own",
    ),
    "a database to inject": (
        {"mode": "injection", "database": SECRET},
        "mode injection takes the database from each application's own DATABASE_* variables: remove database",
    ),
    "two addresses": (
        {**IMAGE, "database": {**SECRET, **HOST}},
        "database has more than one address: set one of existingSecret.name, fromSecret.name, url and host",
    ),
    "one and several": (
        {**APP, "databases": {"orders": SECRET}},
        "database and databases are both set: keep one of them",
    ),
    "a host alone": (
        {**IMAGE, "database": {"host": "db"}},
        "database.host is set: set database.name and database.user too",
    ),
    "parameters without a host": (
        {**IMAGE, "database": {**SECRET, "parameters": "sslmode=require"}},
        "database.parameters belongs to database.host: write the parameters into the URL instead",
    ),
    "a password beside a URL": (
        {**IMAGE, "database": {**SECRET, "passwordSecret": {"name": "pw"}}},
        "database.passwordSecret.name belongs to database.host: leave it out, since the URL says it",
    ),
    "a name beside a named database's URL": (
        {**IMAGE, "databases": {"orders": {"url": "postgresql://db/orders", "name": "orders"}}},
        "databases.orders.name belongs to databases.orders.host: leave it out",
    ),
    "a URL for a host": (
        {**IMAGE, "database": {**HOST, "host": "postgresql://me:s3cret@db"}},
        "database.host must be a name or an address alone: give a URL by database.existingSecret.name or .url",
    ),
    "a password before the host": (
        {**IMAGE, "databases": {"orders": {**HOST, "host": "me:s3cret@db"}}},
        "databases.orders.host must be a name or an address alone",
    ),
    "a password among the parameters": (
        {**IMAGE, "database": {**HOST, "parameters": "sslmode=require&password=s3cret"}},
        "database.parameters must hold no password",
    ),
    "a key's password among the parameters": (
        {**IMAGE, "database": {**HOST, "parameters": "SSLPASSWORD=s3cret"}},
        "database.parameters must hold no password",
    ),
    "another server's URL": (
        {**IMAGE, "database": {"url": "mysql://me:s3cret@db/orders"}},
        "database.url must begin with postgresql:// (or postgres://, postgresql+asyncpg:// and the like)",
    ),
    "a named database without an address": (
        {**IMAGE, "databases": {"orders": {}}},
        "databases.orders has no address: set databases.orders.existingSecret.name, .url or .host",
    ),
    "several as variables": (
        {**IMAGE, "databases": {"orders": {**SECRET, "fromFiles": False}}},
        "databases.orders.fromFiles must stay true: several databases are read from files",
    ),
    "a name with a slash": (
        {**IMAGE, "databases": {"a/b": SECRET}},
        "databases.a/b cannot be a name: use up to 40 letters, digits, - and _, a letter first",
    ),
    "names that become one": (
        {**IMAGE, "databases": {"a-b": SECRET, "a_b": SECRET}},
        "databases.a-b and databases.a_b would both be DATABASE_URL_A_B: rename one of them",
    ),
    "an unknown setting": (
        settings(PROBE_INTERVALL=1),
        "exporter.settings.PROBE_INTERVALL is no setting of the exporter: use one of APP_POOL_LISTEN,",
    ),
    "a URL among the settings": (
        settings(DATABASE_URL="postgresql://me:s3cret@db/orders"),
        "exporter.settings.DATABASE_URL is not taken here: set database.url or database.existingSecret instead",
    ),
    "a web configuration among the settings": (
        settings(WEB_CONFIG_FILE="/x"),
        "exporter.settings.WEB_CONFIG_FILE is not taken here: set exporter.webConfigSecret instead",
    ),
    "a deadline in words": (
        settings(PROBE_TIMEOUT="900ms"),
        "exporter.settings.PROBE_TIMEOUT leaves the kubelet no answer in time: set at most 0.85",
    ),
    "a deadline in minutes": (
        settings(PROBE_TIMEOUT=".1m"),
        "exporter.settings.PROBE_TIMEOUT leaves the kubelet no answer in time: set at most 0.85",
    ),
    "a loopback address": (
        settings(LISTEN_HOST="127.0.0.1"),
        "exporter.settings.LISTEN_HOST must not be a loopback address: leave it out",
    ),
    "any address of the loopback": (
        settings(LISTEN_HOST="[::1]"),
        "exporter.settings.LISTEN_HOST must not be a loopback address: leave it out",
    ),
    "a service for a port": (
        settings(LISTEN_PORT="http"),
        "exporter.settings.LISTEN_PORT must be a port from 1 to 65535",
    ),
    "an interval that is none": (
        settings(PROBE_INTERVAL="banana"),
        "exporter.settings.PROBE_INTERVAL must be a time from 0.1 s to 3600 s, written as 5, 0.5, 500ms, 30s or 1m",
    ),
    "a variable that the chart sets": (
        extra_env("POD_IP"),
        "exporter.extraEnv sets POD_IP, which is set already: remove it there",
    ),
    "a setting among the variables": (
        extra_env("LISTEN_PORT"),
        "exporter.extraEnv sets LISTEN_PORT, which the chart must know: use exporter.settings.LISTEN_PORT",
    ),
    "another address among the variables": (
        extra_env("DATABASE_HOST"),
        "exporter.extraEnv sets DATABASE_HOST, which the chart must know: set database.host instead",
    ),
    "a password among the variables": (
        {**IMAGE, "exporter": {"extraEnv": [{"name": "DATABASE_URL", "value": "postgresql://me:s3cret@db/orders"}]}},
        "exporter.extraEnv sets DATABASE_URL, which the chart must know: set database.url or database.existingSecret",
    ),
    "a web configuration among the variables": (
        {**IMAGE, "exporter": {"extraEnv": [{"name": "WEB_CONFIG_FILE", "value": "/x"}, {"name": "DATABASE_URL"}]}},
        "exporter.extraEnv sets WEB_CONFIG_FILE, which the chart must know: set exporter.webConfigSecret instead",
    ),
    "a setting among an injected container's variables": (
        {"mode": "injection", "exporter": {"extraEnv": [{"name": "PROBE_TIMEOUT", "value": "5"}]}},
        "exporter.extraEnv sets PROBE_TIMEOUT, which the chart must know: use exporter.settings.PROBE_TIMEOUT",
    ),
    "a variable twice": (
        extra_env("A", "A"),
        "exporter.extraEnv sets A, which is set already: remove it there",
    ),
    "the database twice": (
        {**APP, "app": {**IMAGE["app"], "env": [{"name": "DATABASE_URL", "value": "x"}]}},
        "app.env sets DATABASE_URL, which is set already: remove it there, or set app.databaseEnv to false",
    ),
    "a limit below the chart's own request": (
        {**APP, "exporter": {"resources": {"limits": {"memory": "32Mi"}}}},
        "exporter.resources.limits.memory is below exporter.resources.requests.memory: lower the request too",
    ),
    "a limit below the request in another unit": (
        {**APP, "exporter": {"resources": {"limits": {"memory": "0.05G"}, "requests": {"memory": "50Mi"}}}},
        "exporter.resources.limits.memory is below exporter.resources.requests.memory",
    ),
    "an application's limit below its request": (
        {**APP, "app": {**IMAGE["app"], "resources": {"limits": {"cpu": "900m"}, "requests": {"cpu": 1}}}},
        "app.resources.limits.cpu is below app.resources.requests.cpu",
    ),
    "a Service without a port": (
        {**APP, "app": {**IMAGE["app"], "service": {"enabled": True}}},
        "app.service.enabled needs app.port: set the port that the application listens on",
    ),
}

REFUSED |= {
    "a Service named by a number": (
        {"mode": "standalone", "database": SECRET, "fullnameOverride": "123"},
        "123 cannot be a Service's name: set fullnameOverride to letters, digits and -, a letter first",
    ),
    "a name that means a file": (
        {**IMAGE, "databases": {"file": SECRET}},
        "databases.file would be DATABASE_URL_FILE, which names a file that holds a URL: rename it",
    ),
    "the chart's own volume": (
        {**APP, "exporter": {"extraVolumes": [{"name": "db-health-database", "emptyDir": {}}]}},
        "exporter.extraVolumes has a volume called db-health-database, which is there already: rename it",
    ),
    "the chart's own volume in the application": (
        {**APP, "app": {**IMAGE["app"], "volumes": [{"name": "db-health-database", "emptyDir": {}}]}},
        "app.volumes has a volume called db-health-database, which is there already: rename it",
    ),
    "a mount of no volume": (
        {**APP, "exporter": {"extraVolumeMounts": [{"name": "certs", "mountPath": "/certs"}]}},
        "exporter.extraVolumeMounts mounts certs, which is no volume: add it to exporter.extraVolumes",
    ),
    "a mount of the chart's own volume": (
        {**APP, "exporter": {"extraVolumeMounts": [{"name": "db-health-database", "mountPath": "/certs"}]}},
        "exporter.extraVolumeMounts mounts db-health-database, which is the chart's own: give a volume of",
    ),
    "a mount of a volume that the chart would have": (
        {**APP, "app": {**IMAGE["app"], "volumeMounts": [{"name": "db-health-web-config", "mountPath": "/web"}]}},
        "app.volumeMounts mounts db-health-web-config, which is no volume: add it to app.volumes",
    ),
    "a mount over the Secret": (
        {
            "mode": "injection",
            "exporter": {"extraVolumeMounts": [{"name": "certs", "mountPath": "/etc/db-health-exporter/database"}]},
        },
        "exporter.extraVolumeMounts has a mount at /etc/db-health-exporter/database, where the chart mounts",
    ),
    "a port twice": (
        {**APP, "app": {**IMAGE["app"], "port": 9850}},
        "app.port 9850 is the exporter's as well: set exporter.settings.LISTEN_PORT or METRICS_PORT to another",
    ),
    "the metrics' port twice": (
        {**APP, "app": {**IMAGE["app"], "port": 9852}, "exporter": {"settings": {"METRICS_PORT": "9852"}}},
        "app.port 9852 is the exporter's as well",
    ),
}

APP_IMAGES: dict[str, tuple[dict[str, Any], str]] = {
    "a tag in the repository": ({"repository": "orders:1.2"}, "repository holds a tag: set it as app.image.tag"),
    "a digest in the repository": (
        {"repository": "orders@sha256:" + "0" * 64},
        "repository holds a digest: set it as app.image.digest",
    ),
    "capitals": ({"repository": "Orders"}, "repository is no image's name: set lower-case letters, digits"),
    "a URL for an image": ({"repository": "https://r.example/orders"}, "repository is no image's name"),
    "a URL for a registry": (
        {"repository": "orders", "registry": "https://r.example"},
        "registry is no registry: set a host, such as registry.example or registry.example:5000, without https://",
    ),
    "a tag with a slash": ({"repository": "orders", "tag": "feature/x"}, "tag is no tag: set up to 128 letters"),
    "a digest for a tag": (
        {"repository": "orders", "tag": "sha256:" + "0" * 64},
        "tag is no tag: set up to 128 letters",
    ),
    "a tag for a digest": ({"repository": "orders", "digest": "latest"}, "digest is no digest: set sha256: and 64"),
    "a short digest": ({"repository": "orders", "digest": "sha256:abc"}, "digest is no digest: set sha256: and 64"),
}
REFUSED |= {
    f"{case} of the {at.partition('.')[0]}": (
        {"database": SECRET, "app": {"image": {"repository": "orders"}}, at.partition(".")[0]: {"image": image}},
        f"{at}.{sentence}".replace("app.image", at),
    )
    for at in ("app.image", "exporter.image")
    for case, (image, sentence) in APP_IMAGES.items()
}
REFUSED |= {
    "a name for the application's container": (
        {**APP, "app": {**IMAGE["app"], "container": {"name": "web"}}},
        "app.container.name cannot be set: probes, annotations and dashboards know the container by its name",
    ),
    "a container that is there": (
        {**APP, "extraInitContainers": [{"name": "db-health-exporter"}]},
        "extraInitContainers has a container called db-health-exporter, which is there already: rename it",
    ),
    "a container twice": (
        {**APP, "extraContainers": [{"name": "proxy"}, {"name": "proxy"}]},
        "extraContainers has a container called proxy, which is there already: rename it",
    ),
    "two mounts at one path": (
        {
            **APP,
            "exporter": {
                "extraVolumes": [{"name": "a", "emptyDir": {}}],
                "extraVolumeMounts": [{"name": "a", "mountPath": "/a"}, {"name": "a", "mountPath": "/a/"}],
            },
        },
        "exporter.extraVolumeMounts has two mounts at /a: set another mountPath",
    ),
    "an application's mount of no volume": (
        {**APP, "app": {**IMAGE["app"], "volumeMounts": [{"name": "data", "mountPath": "/data"}]}},
        "app.volumeMounts mounts data, which is no volume: add it to app.volumes",
    ),
    "a Secret of parts beside a user": (
        {**IMAGE, "database": {"fromSecret": {"name": "a"}, "user": "me"}},
        "database.user belongs to database.host: leave it out, since the Secret says it",
    ),
    "a Secret of JSON beside parameters": (
        {**IMAGE, "database": {"fromSecret": {"name": "a", "keys": {"json": "b"}}, "parameters": "sslmode=require"}},
        "database.parameters belongs to database.host",
    ),
    "a Secret of parts without a host": (
        {**IMAGE, "database": {"fromSecret": {"name": "a", "keys": {"host": ""}}}},
        "database.fromSecret.keys.host is empty: name the Secret's key that holds the host, or keys.json",
    ),
}


def injected(**exporter: Any) -> dict[str, Any]:
    """Mode injection with values of the exporter's container."""
    return {"mode": "injection", "exporter": exporter}


# Values that would keep other people's pods from starting.
REFUSED |= {
    "a pod's map to inject": (
        {"mode": "injection", "pod": {"hostAliases": []}},
        "pod is set, but mode injection makes",
    ),
    "a mount of no injected volume": (
        injected(extraVolumeMounts=[{"name": "certs", "mountPath": "/certs"}]),
        "exporter.extraVolumeMounts mounts certs, which is no volume: add it to exporter.extraVolumes",
    ),
    "an injected mount of the chart's own volume": (
        injected(extraVolumeMounts=[{"name": "db-health-web-config", "mountPath": "/certs"}]),
        "exporter.extraVolumeMounts mounts db-health-web-config, which is the chart's own: give a volume of",
    ),
    "a raw mount of no injected volume": (
        injected(container={"volumeMounts": [{"name": "certs", "mountPath": "/certs"}]}),
        "exporter.extraVolumeMounts mounts certs, which is no volume: add it to exporter.extraVolumes",
    ),
    "a Secret that a namespace may lack": (
        injected(extraEnv=[{"name": "PGSSLMODE", "valueFrom": {"secretKeyRef": {"name": "tls", "key": "mode"}}}]),
        "exporter.extraEnv reads the Secret tls, which other namespaces may lack, and their pods would not start",
    ),
    "a volume that a namespace may lack": (
        injected(extraVolumes=[{"name": "certs", "configMap": {"name": "ca"}}]),
        "exporter.extraVolumes has the volume certs of a configMap, which other namespaces may lack",
    ),
    "a projected volume that a namespace may lack": (
        injected(extraVolumes=[{"name": "certs", "projected": {"sources": [{"secret": {"name": "ca"}}]}}]),
        "exporter.extraVolumes has the volume certs of a secret, which other namespaces may lack",
    ),
    "a claim of one namespace": (
        injected(extraVolumes=[{"name": "certs", "persistentVolumeClaim": {"claimName": "certs"}}]),
        "exporter.extraVolumes has the volume certs of the type persistentVolumeClaim, which other namespaces lack or",
    ),
    "a folder of the node": (
        injected(extraVolumes=[{"name": "certs", "hostPath": {"path": "/etc/ssl"}}]),
        "exporter.extraVolumes has the volume certs of the type hostPath, which other namespaces lack or refuse",
    ),
    "a volume of no type": (
        injected(extraVolumes=[{"name": "certs"}]),
        "exporter.extraVolumes has the volume certs without a type, or with several",
    ),
    "a name too long to be another": (
        injected(extraVolumes=[{"name": "c" * 54, "emptyDir": {}}]),
        "and the policy adds db-health- to its name: set at most 53 characters",
    ),
    "a claim of resources to inject": (
        injected(resources={"claims": [{"name": "gpu"}]}),
        "exporter.resources.claims names claims that other people's pods do not have: remove it",
    ),
    "a node for Windows": (
        {**APP, "nodeSelector": {"kubernetes.io/os": "windows"}},
        "the exporter runs on Linux alone",
    ),
    "a pod for Windows": ({**APP, "pod": {"os": {"name": "windows"}}}, "the exporter runs on Linux alone"),
}

# The schema's messages, in the words of both Helms' validators.
SCHEMA: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "an unknown mode": ({"mode": "sidecar"}, ("/mode", "'app', 'injection', 'standalone'")),
    "an unknown value": ({**APP, "replicas": 2}, ("additional properties 'replicas' not allowed",)),
    "a slip of the pen": (
        {**IMAGE, "database": {"existingSecret": {"names": "x"}}},
        ("/database/existingSecret", "additional properties 'names' not allowed"),
    ),
    "a deadline over the kubelet's": (settings(PROBE_TIMEOUT=2), ("/exporter/settings/PROBE_TIMEOUT", "want 0.85")),
    "an interval over the exporter's": (settings(PROBE_INTERVAL=5000), ("/exporter/settings/PROBE_INTERVAL", "3,600")),
    "another readiness": (settings(READINESS="always"), ("/exporter/settings/READINESS", "'latch'")),
    "a word for a number": (
        {**APP, "app": {**IMAGE["app"], "port": "http"}},
        ("/app/port", "got string, want"),
    ),
    "a name in upper case": ({**APP, "nameOverride": "Orders"}, ("/nameOverride", "does not match pattern")),
    "a name with an underscore": ({**APP, "fullnameOverride": "a_b"}, ("/fullnameOverride", "does not match pattern")),
    "a label with a blank": ({**APP, "commonLabels": {"a": "b c"}}, ("/commonLabels/a", "does not match pattern")),
    "a label of 64 signs": ({**APP, "podLabels": {"a": "b" * 64}}, ("/podLabels/a", "maxLength")),
    "a label's name with a blank": ({**APP, "commonLabels": {"a b": "c"}}, ("'/commonLabels'", "'a b' not allowed")),
    "an annotation's name with a blank": (
        {**APP, "podAnnotations": {"a b": "c"}},
        ("'/podAnnotations'", "'a b' not allowed"),
    ),
    "a variable with a blank": (extra_env("A B"), ("/exporter/extraEnv/0/name", "does not match pattern")),
    "an object of no kind": (
        {**APP, "extraObjects": [{"foo": "bar"}]},
        ("/extraObjects/0", "missing properties 'apiVersion', 'kind'"),
    ),
    "a fraction for a tag": (
        {**APP, "app": {"image": {"repository": "orders", "tag": 1.1}}},
        ("/app/image/tag", "got number"),
    ),
    "a quantity in words": (
        {**APP, "exporter": {"resources": {"limits": {"memory": "64 MB"}}}},
        ("/exporter/resources/limits/memory", "does not match pattern"),
    ),
    "a typing error among resources": (
        {**APP, "app": {**IMAGE["app"], "resources": {"request": {}}}},
        ("/app/resources", "additional properties 'request' not allowed"),
    ),
    "a Secret's name with a blank": (
        {**IMAGE, "database": {"existingSecret": {"name": "a b"}}},
        ("/database/existingSecret/name", "does not match pattern"),
    ),
    "a Secret's key with a colon": (
        {**IMAGE, "database": {"existingSecret": {"name": "a", "key": "b:c"}}},
        ("/database/existingSecret/key", "does not match pattern"),
    ),
    "an unknown part of an address": (
        {**IMAGE, "database": {"fromSecret": {"name": "a", "keys": {"hots": "b"}}}},
        ("/database/fromSecret/keys", "additional properties 'hots' not allowed"),
    ),
    "a relative mount": (
        {**APP, "exporter": {"extraVolumeMounts": [{"name": "a", "mountPath": "certs"}]}},
        ("/exporter/extraVolumeMounts/0/mountPath", "does not match pattern"),
    ),
    "a mount without a path": (
        {**APP, "app": {**IMAGE["app"], "volumeMounts": [{"name": "a"}]}},
        ("/app/volumeMounts/0", "missing property 'mountPath'"),
    ),
    "a volume's name with a capital": (
        {**APP, "exporter": {"extraVolumes": [{"name": "Certs", "emptyDir": {}}]}},
        ("/exporter/extraVolumes/0/name", "does not match pattern"),
    ),
    "a variable of two values": (
        {**APP, "app": {**IMAGE["app"], "env": [{"name": "A", "value": "b", "valueFrom": {"fieldRef": {}}}]}},
        ("/app/env/0", "'not' failed"),
    ),
    "a number for a variable": (
        {**APP, "app": {**IMAGE["app"], "env": [{"name": "A", "value": 1}]}},
        ("/app/env/0/value", "got number, want string"),
    ),
    "a container without a name": (
        {**APP, "extraContainers": [{"image": "proxy"}]},
        ("/extraContainers/0", "missing property 'name'"),
    ),
    "a toleration of nothing": ({**APP, "tolerations": [{}]}, ("/tolerations/0", "missing property 'key'")),
    "a toleration by a value alone": (
        {**APP, "tolerations": [{"operator": "Equal", "value": "x"}]},
        ("/tolerations/0", "missing property 'key'"),
    ),
    "a spread over nothing": (
        {**APP, "topologySpreadConstraints": [{"maxSkew": 1}]},
        ("/topologySpreadConstraints/0", "missing properties 'topologyKey', 'whenUnsatisfiable'"),
    ),
    "an API version of no policy": (
        {"mode": "injection", "injection": {"apiVersion": "v1"}},
        ("/injection/apiVersion", "does not match pattern"),
    ),
    "a policy of its own": ({**APP, "injection": {"failurePolicy": "Maybe"}}, ("/injection/failurePolicy", "'Ignore'")),
}


# A key without a value removes the default; the chart gives those back that it needs.
EMPTY = {
    "exporter.settings": "", "podLabels": "", "commonLabels": "", "global": "", "imagePullSecrets": "",
    "exporter.resources": "", "app.resources": "", "exporter.extraEnv": "",
    "app.service": "", "monitoring": "", "monitoring.podMonitor": "", "monitoring.rules": "", "serviceAccount": "",
    "injection": "", "exporter": "", "exporter.image": "", "exporter.image.registry": "", "exporter.startupGate": "",
    "exporter.native": "", "database.fromFiles": "", "app.probes": "", "enabled": "", "mode": "",
    "app.replicas": "", "deployment": "", "pod": "",
    "extraContainers": "", "monitoring.rules.disabled": "",
    "database": "no database is given: set database.existingSecret.name",
}  # fmt: skip


@pytest.mark.parametrize("path", EMPTY)
def test_a_key_without_a_value_is_understood(helm: Helm, path: str) -> None:
    """It counts as no value where that is allowed, and is refused elsewhere; it is never an error of a template."""
    values: dict[str, Any] = json.loads(json.dumps(APP))
    *parents, name = path.split(".")
    place = values
    for parent in parents:
        place = place.setdefault(parent, {})
    place[name] = None

    if EMPTY[path]:
        assert EMPTY[path] in helm.refusal(values)
    else:
        assert helm.template(values=values)


def test_null_takes_a_database_a_setting_a_quantity_and_a_handler_away(helm: Helm) -> None:
    """As umbrella charts clear what another values file has set."""
    app = {**IMAGE["app"], "readinessProbe": {"httpGet": None, "exec": {"command": ["true"]}}}
    resources = {"limits": {"cpu": None, "memory": "200Mi"}}
    exporter = {"resources": resources, "settings": {"METRICS_PORT": None, "READINESS": None, "LOG_LEVEL": "debug"}}
    made = helm.template(values={**APP, "app": app, "exporter": exporter, "databases": {"archive": None}})

    [pod] = [item["spec"]["template"]["spec"] for item in made if item["kind"] == "Deployment"]
    [sidecar], [application] = pod["initContainers"], pod["containers"]
    assert sidecar["resources"]["limits"] == {"memory": "200Mi"}
    assert application["readinessProbe"]["exec"] == {"command": ["true"]}
    assert "archive" not in json.dumps(made)
    assert {entry["name"] for entry in sidecar["env"]} == {"POD_IP", "DATABASE_URL_FILE", "LOG_LEVEL"}


@pytest.mark.parametrize("case", REFUSED)
def test_values_that_do_not_go_together_are_refused(helm: Helm, case: str) -> None:
    """One sentence, with the value's name and what to do, and never with a password."""
    values, sentence = REFUSED[case]
    said = helm.refusal(values)

    assert sentence in said
    assert "s3cret" not in said


@pytest.mark.parametrize("case", SCHEMA)
def test_values_of_a_wrong_kind_are_refused_by_the_schema(helm: Helm, case: str) -> None:
    """The schema names the value, also in an editor."""
    values, words = SCHEMA[case]
    said = helm.refusal(values)

    assert [word for word in words if word not in said] == []


def test_an_old_cluster_with_the_policys_beta_can_inject(helm: Helm) -> None:
    """`injection.apiVersion` says what the cluster has; both objects have it."""
    values = {"mode": "injection", "injection": {"apiVersion": "admissionregistration.k8s.io/v1beta1"}}
    objects = helm.template(CHART, "--kube-version", "1.34.0", values=values)

    assert {item["apiVersion"] for item in objects} == {"admissionregistration.k8s.io/v1beta1"}


def test_the_policy_has_the_newest_version_of_the_cluster(helm: Helm) -> None:
    """Helm learns the versions from the cluster, and `--api-versions` adds to them."""
    [policy, _] = helm.template(CHART, "--kube-version", "1.36.0", values={"mode": "injection"})

    assert policy["apiVersion"] == "admissionregistration.k8s.io/v1"


def test_an_old_cluster_cannot_inject(helm: Helm) -> None:
    """Before Kubernetes 1.36 the policy's kind does not exist."""
    words = ("template", "x", "helm/db-health-exporter", "--kube-version", "1.35.0")
    said = helm.attempt(*words, values={"mode": "injection"}).stderr

    assert "mode injection needs Kubernetes 1.36 or later for MutatingAdmissionPolicy, and this is v1.35.0" in said


def test_an_older_cluster_cannot_have_native_sidecars(helm: Helm) -> None:
    """The chart's kubeVersion refuses clusters without native sidecars."""
    words = ("template", "x", "helm/db-health-exporter", "--kube-version", "1.28.0")

    assert "chart requires kubeVersion: >=1.29.0-0" in helm.attempt(*words, values=APP).stderr


def test_a_database_may_come_by_extra_variables(helm: Helm) -> None:
    """A Secret of another tool needs no value of the chart."""
    reference = {"secretKeyRef": {"name": "made-elsewhere", "key": "uri"}}
    extra = [{"name": "DATABASE_URL", "valueFrom": reference}]

    helm.template(values={**IMAGE, "exporter": {"extraEnv": extra}})


def test_the_librarys_values_are_checked_in_anybodys_chart(helm: Helm) -> None:
    """A chart that includes the library refuses the same."""
    typing_error = helm.refusal({"dbHealth": {"database": {"urll": "x"}}}, CONSUMER)
    unknown = helm.refusal({"dbHealth": {"exporter": {"settings": {"X": 1}}}}, CONSUMER)

    assert "additional properties 'urll' not allowed" in typing_error
    assert "exporter.settings.X is no setting of the exporter" in unknown


def test_the_library_without_its_values_says_what_is_missing(helm: Helm, tmp_path: Path) -> None:
    """A forgotten alias is the likeliest mistake."""
    chart = shutil.copytree(CONSUMER, tmp_path / "shop")
    (chart / "values.yaml").write_text("image: shop:1\npullPolicy: Never\n")
    about = chart / "Chart.yaml"
    about.write_text(about.read_text().replace("    alias: dbHealth\n", ""))
    said = helm.refusal({}, chart)

    assert "the values are missing: give the dependency `alias: dbHealth`" in said
