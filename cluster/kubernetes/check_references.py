#!/usr/bin/env python3
"""Checks what schemas cannot: that rendered objects agree with each other, and that every pod keeps to the rules of this folder.

Reads rendered objects from standard input, and the Secrets that README.md says to make from its second argument. The first is a name
for messages. A third is the program, which is asked whether it has the options and settings that are used. Prints a line for each
thing that is wrong; exit code 1 if there is any.
"""
import re
import subprocess
import sys

import yaml

name, readme = sys.argv[1], open(sys.argv[2]).read()
objects = [o for o in yaml.safe_load_all(sys.stdin) if o]
wrong = []


def need(condition, text):
    if not condition:
        wrong.append(text)
    return condition


def of_kind(*kinds):
    return [o for o in objects if o["kind"] in kinds]


def called(kind, wanted):
    return next((o for o in of_kind(kind) if o["metadata"]["name"] == wanted), None)


def matches(selector, labels):
    """An empty or absent selector is of everything, which nothing here may mean."""
    wanted = selector.get("matchLabels", {}) if "matchLabels" in selector or "matchExpressions" in selector else selector
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def option(container, flag):
    for argument in container.get("args", []):
        if argument.startswith(f"--{flag}="):
            return argument.split("=", 1)[1]


controllers = of_kind("Deployment", "StatefulSet")
pods = {c["metadata"]["name"]: c["spec"]["template"] for c in controllers}
labels = {owner: pod["metadata"]["labels"] for owner, pod in pods.items()}
ports = {
    owner: {p["containerPort"]: p.get("name") for c in pod["spec"]["containers"] for p in c.get("ports", [])} for owner, pod in pods.items()
}
policies = of_kind("NetworkPolicy")
program = sys.argv[3] if len(sys.argv) > 3 else None
# A Secret's files, by its name: --from-file=PATH keeps the file's name, --from-file=KEY=PATH gives another.
made_by_hand = {
    secret: {file.split("=")[0].rsplit("/", 1)[-1] for file in re.findall(r"--from-file=(\S+)", rest)}
    for secret, rest in re.findall(r"secret generic (\S+)(.*)", readme)
}
# What a metric may be called that something is scaled by.
GAUGES = {"sophia_learner_idle_share", "sophia_worker_idle_share"}
# Seconds that a role needs at SIGTERM: a step and a checkpoint; handing in what it has.
TIME_TO_STOP = {"learner": 60, "worker": 5, "scorer": 5, "metrics": 1}
need(len({(o["kind"], o["metadata"]["name"]) for o in objects}) == len(objects), "two objects of one kind have the same name")
for o in objects:
    need("namespace" not in o["metadata"], f"{o['metadata']['name']}: names a namespace")


def lets(direction, policy, labels_here, labels_there, port):
    """Whether a policy of pods here lets them talk with pods there."""
    if not matches(policy["spec"]["podSelector"], labels_here):
        return False
    for rule in policy["spec"].get(direction, []):
        peers = rule.get("from" if direction == "ingress" else "to", [])
        if any(matches(p["podSelector"], labels_there) for p in peers if set(p) == {"podSelector"}):
            if any(p["port"] == port for p in rule.get("ports", [])):
                return True
    return False


def check_reach(owner, other, port):
    need(port in ports[other], f"{owner}: {other} has no container port {port}")
    for direction, here, there in (("egress", owner, other), ("ingress", other, owner)):
        need(
            any(lets(direction, p, labels[here], labels[there], port) for p in policies),
            f"{owner}: no policy allows the {direction} of {here} that it needs for {other}:{port}")


def asked(*arguments):
    """What the program prints; nothing if it refuses."""
    answer = subprocess.run([program, *arguments], capture_output=True, text=True)
    return answer.stdout if answer.returncode == 0 else ""


def check_ports(where, owner, container):
    """What the program listens on is what is declared, and is declared of it."""
    listens = []
    for flag in ("bind", "listen", "advertise"):
        address = option(container, flag)
        if address:
            port = int(address.rsplit(":", 1)[1])
            listens.append(set(range(port, port + 3)) if container["args"][0] == "learner" else {port})
    for found in listens:
        need(found == set(ports[owner]), f"{where}: uses ports {sorted(found)} and declares {sorted(ports[owner])}")


def check_keys(where, container, pod, mounts):
    """The files that --keys names are in the Secret that is mounted there."""
    path = option(container, "keys")
    mount = next((m for m in mounts.values() if path == m["mountPath"] or path.startswith(m["mountPath"] + "/")), None)
    volume = mount and next((v for v in pod["spec"]["volumes"] if v["name"] == mount["name"]), {})
    secret = (volume or {}).get("secret", {}).get("secretName")
    if not need(secret, f"{where}: --keys={path} is in no Secret"):
        return
    wanted = {path[len(mount["mountPath"]) + 1:]} if path != mount["mountPath"] else {"learner", "learner.pub", "allowed"}
    need(wanted <= made_by_hand.get(secret, set()), f"{where}: Secret {secret} has no {', '.join(sorted(wanted - made_by_hand.get(secret, set())))}")


def check_container(owner, pod, container, volumes):
    where = f"{owner}/{container['name']}"
    image = container["image"].rsplit("/", 1)[-1]
    need(":" in image and not image.endswith(":latest"), f"{where}: image {container['image']} has no tag of its own")
    security = container.get("securityContext", {})
    need(security.get("allowPrivilegeEscalation") is False, f"{where}: allowPrivilegeEscalation is not false")
    need(security.get("readOnlyRootFilesystem") is True, f"{where}: its root file system can be written")
    need(security.get("capabilities", {}) == {"drop": ["ALL"]}, f"{where}: does not drop all capabilities")
    resources = container.get("resources", {})
    need({"cpu", "memory"} <= set(resources.get("requests", {})), f"{where}: does not request cpu and memory")
    need(resources.get("limits", {}).get("memory"), f"{where}: no limit of memory")

    mounts = {m["mountPath"]: m for m in container.get("volumeMounts", [])}
    need(len(mounts) == len(container.get("volumeMounts", [])), f"{where}: two volumes at one path")
    for mount in mounts.values():
        need(mount["name"] in volumes, f"{where}: mounts {mount['name']}, which is no volume")

    def writable(path):
        under = [p for p in mounts if path == p or path.startswith(p + "/")]
        return bool(under) and not mounts[max(under, key=len)].get("readOnly")

    status = option(container, "status")
    for flag in ("status", "cache"):
        path = option(container, flag)
        need(path is None or writable(path), f"{where}: --{flag}={path} cannot be written")
    home = next((e["value"] for e in container.get("env", []) if e["name"] == "HOME"), None)
    if container in pod["spec"]["containers"]:
        need(home and writable(home), f"{where}: HOME is {home}, which cannot be written")
    names = {p.get("name") for p in container.get("ports", [])}
    role = container.get("args", [""])[0]
    if container in pod["spec"]["containers"]:
        check_ports(where, owner, container)
        check_keys(where, container, pod, mounts)
        grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
        need(grace > TIME_TO_STOP[role], f"{where}: is killed {grace} s after SIGTERM, and needs more")
        if program:
            help = asked(role, "--help")
            need(help, f"{where}: {program} has no {role}")
            for flag in [a.split("=")[0] for a in container["args"][1:] if a.startswith("--")] if help else []:
                need(re.search(rf"^ +{flag}\b(?!-)", help, re.M), f"{where}: {program} {role} has no {flag}")
    start = container.get("startupProbe")
    # A status file outlives its container, and the one before this may have just died: it must not count for this one.
    need(not start or start.get("initialDelaySeconds", 0) > 10, f"{where}: startupProbe may find the status of the container before")
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container.get(kind)
        if probe and "httpGet" in probe:
            need(probe["httpGet"]["port"] in names, f"{where}: {kind} asks port {probe['httpGet']['port']}, which it has not")
        if probe and "exec" in probe:
            command = probe["exec"]["command"]
            wanted = ["sophia", "doctor", f"--role={role}", f"--status={status}"] + ["--ready"] * (kind == "readinessProbe")
            need(command == wanted, f"{where}: {kind} is {' '.join(command)}, not {' '.join(wanted)}")

    join = option(container, "join")
    if join:
        match = re.fullmatch(r"tcp://([a-z0-9-]+):(\d+)", join)
        service = match and called("Service", match[1])
        need(service, f"{where}: --join={join} names no Service")
        for other in [o for o in pods if service and matches(service["spec"]["selector"], labels[o])]:
            for port in range(int(match[2]), int(match[2]) + 3):
                check_reach(owner, other, port)
    for argument in container.get("args", []):
        for variable in re.findall(r"\$\((\w+)\)", argument):
            need(any(e["name"] == variable for e in container.get("env", [])), f"{where}: {argument} has no value")
    for source in [e.get("valueFrom", {}) for e in container.get("env", [])]:
        if "secretKeyRef" in source:
            need(source["secretKeyRef"]["name"] in made_by_hand, f"{where}: README.md does not make Secret {source['secretKeyRef']['name']}")


for controller in controllers:
    owner, spec, pod = controller["metadata"]["name"], controller["spec"], controller["spec"]["template"]
    need(matches(spec["selector"], labels[owner]), f"{owner}: its selector does not match its own pods")
    for other in pods:
        need(other == owner or not matches(spec["selector"], labels[other]), f"{owner}: its selector matches the pods of {other}")
    pod_spec = pod["spec"]
    security = pod_spec.get("securityContext", {})
    need(security.get("runAsNonRoot") is True and security.get("runAsUser", 0) > 0, f"{owner}: may run as root")
    need(security.get("seccompProfile", {}).get("type") == "RuntimeDefault", f"{owner}: no seccomp profile")
    need(pod_spec.get("automountServiceAccountToken") is False, f"{owner}: mounts a token of the API server")
    claims = {c["metadata"]["name"] for c in spec.get("volumeClaimTemplates", [])}
    volumes = {v["name"] for v in pod_spec.get("volumes", [])} | claims
    containers = pod_spec.get("initContainers", []) + pod_spec["containers"]
    mounted = {m["name"] for c in containers for m in c.get("volumeMounts", [])}
    need(volumes <= mounted, f"{owner}: nothing mounts {', '.join(sorted(volumes - mounted))}")
    for volume in pod_spec.get("volumes", []):
        if "configMap" in volume:
            wanted = volume["configMap"]["name"]
            need(called("ConfigMap", wanted), f"{owner}: there is no ConfigMap {wanted}")
        if "secret" in volume:
            wanted = volume["secret"]["secretName"]
            need(wanted in made_by_hand, f"{owner}: README.md does not make Secret {wanted}")
            # The program refuses keys that others may read, and without a group of its own the pod could not read them.
            need(volume["secret"].get("defaultMode") == 0o440, f"{owner}: the files of Secret {wanted} do not have mode 0440")
            need(security.get("fsGroup"), f"{owner}: no fsGroup, so that it cannot read Secret {wanted}")
    for container in containers:
        check_container(owner, pod, container, volumes)
    for constraint in pod_spec.get("topologySpreadConstraints", []):
        need(matches(constraint["labelSelector"], labels[owner]), f"{owner}: spreads other pods than its own")
    both = [p for p in policies if not p["spec"].get("ingress") and not p["spec"].get("egress") and matches(p["spec"]["podSelector"], labels[owner])]
    need(any({"Ingress", "Egress"} <= set(p["spec"]["policyTypes"]) for p in both), f"{owner}: nothing forbids what no policy allows")
    if controller["kind"] == "StatefulSet":
        service = called("Service", spec["serviceName"])
        need(
            service and service["spec"].get("clusterIP") == "None" and matches(service["spec"]["selector"], labels[owner]),
            f"{owner}: {spec['serviceName']} is no headless Service of it")

    if containers[-1]["args"][0] == "learner":
        need(controller["kind"] == "StatefulSet" and spec.get("replicas") == 1, f"{owner}: a run has one learner")

for service in of_kind("Service"):
    wanted = service["metadata"]["name"]
    behind = [o for o in pods if matches(service["spec"]["selector"], labels[o])]
    need(len(behind) == 1, f"Service {wanted} is of {len(behind)} controllers, not one")
    for port in service["spec"]["ports"]:
        for owner in behind:
            need(
                port["targetPort"] in ports[owner].values() and ports[owner].get(port["port"]) == port["targetPort"],
                f"Service {wanted}: {owner} has no port {port['targetPort']} {port['port']}")

for policy in policies:
    wanted, spec = policy["metadata"]["name"], policy["spec"]
    here = [o for o in pods if matches(spec["podSelector"], labels[o])]
    need(here, f"NetworkPolicy {wanted} is of no pod, or of every pod of the namespace")
    for direction, key in (("ingress", "from"), ("egress", "to")):
        need(direction not in spec or direction.title() in spec["policyTypes"], f"NetworkPolicy {wanted}: {direction} is not among its types")
        for rule in spec.get(direction, []):
            need(rule.get(key) and rule.get("ports"), f"NetworkPolicy {wanted}: a rule for everybody or every port")
            for peer in [p for p in rule.get(key, []) if set(p) == {"podSelector"}]:
                there = [o for o in pods if matches(peer["podSelector"], labels[o])]
                need(there, f"NetworkPolicy {wanted}: {peer['podSelector']} is no pod")
                for owner in here if direction == "ingress" else there:
                    for port in rule.get("ports", []):
                        need(port["port"] in ports[owner], f"NetworkPolicy {wanted}: {owner} has no port {port['port']}")

# Workers reach scorers by the address that those say, which is in no manifest.
for scorer in [o for o in pods if "scorer" in o]:
    for worker in [o for o in pods if "worker" in o]:
        check_reach(worker, scorer, 5600)

for budget in of_kind("PodDisruptionBudget"):
    behind = [o for o in pods if matches(budget["spec"]["selector"], labels[o])]
    need(len(behind) == 1, f"PodDisruptionBudget {budget['metadata']['name']} is of {len(behind)} controllers, not one")

for scaler in of_kind("HorizontalPodAutoscaler"):
    target = scaler["spec"]["scaleTargetRef"]
    found = called(target["kind"], target["name"])
    need(found and found["apiVersion"] == target["apiVersion"], f"HorizontalPodAutoscaler: there is no {target['kind']} {target['name']}")
    need(not found or "replicas" not in found["spec"], f"{target['name']}: replicas would be set back at every apply")
    for metric in [m["external"]["metric"]["name"] for m in scaler["spec"]["metrics"] if m["type"] == "External"]:
        need(metric in GAUGES, f"HorizontalPodAutoscaler: sophia has no metric {metric} to scale by")

for settings in of_kind("ConfigMap"):
    for file, text in settings.get("data", {}).items():
        run = yaml.safe_load(text)
        need(run["cluster"]["workers"] == 0 and run["cluster"]["scorers"] == 0, f"{file}: would start workers or scorers in the learner's pod")
        learner = pods["sophia-learner"]["spec"]["containers"][0]
        mounts = {m["mountPath"]: m for m in learner["volumeMounts"]}
        needed = [run["model"]["folder"], run["run"]["folder"], *run["data"]["trainFiles"], *run["data"].get("heldOutFiles", [])]
        folder = run["run"]["folder"]
        for path in needed + ([run["thinking"]["folder"]] if run["thinking"]["kind"] == "local" else []):
            under = [m for m in mounts if path.startswith(m + "/")]
            need(under, f"{file}: {path} is on no volume of the learner")
            need(path == folder or all(mounts[m].get("readOnly") for m in under), f"{file}: the learner could change {path}")
        known = yaml.safe_load(asked("train", "--help-config")) if program else None
        for section, values in run.items() if known else []:
            need(section in known, f"{file}: there is no section {section}")
            for key in values:
                # lora: {rank: 16} is lora.rank.
                there = any(k == key or k.startswith(key + ".") for k in known.get(section, {}))
                need(there, f"{file}: there is no setting {section}.{key}")
        need(any(folder.startswith(m + "/") and not mounts[m].get("readOnly") for m in mounts), f"{file}: {folder} cannot be written")

for text in wrong:
    print(f"{name}: {text}", file=sys.stderr)
sys.exit(1 if wrong else 0)
