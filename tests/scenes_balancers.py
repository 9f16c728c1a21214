"""Scenes with load balancers of every kind, and with what stands behind endpoints."""

from __future__ import annotations

from scenes import balanced
from world_balancers import ClassicLoadBalancer, LoadBalancer, endpoint_service
from world_services import appliance_endpoint, interface_endpoint


def site(world, **more):
    """web-1 and an Application Load Balancer `site` at 10.0.1.50, whose group app-1 and api-1 admit."""
    shop, app, _, sg_app, (sg_site,), back = balanced(world, "sg-site", type="application", **more)
    sg_site.ingress("tcp", 443, "10.0.0.0/16")
    sg_app.ingress("tcp", 8443, sg_site)
    closed = shop.vpc.group("sg-closed")
    return shop, app, back.instance("api-1", "10.0.2.21", sg_app), back.instance("shut-1", "10.0.2.22", closed)


def forward(*arns, weights=None):
    """An action that forwards to target groups, with their weights."""
    listed = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in zip(arns, weights or [1] * len(arns), strict=True)]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": listed}}


def classic(world, crosses_zones=False):
    """client and a Classic Load Balancer with a node in each of two zones, old-1 in the first and old-2 in the second."""
    vpc = world.vpc("10.0.0.0/16")
    one, two = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.2.0/24", zone="b")
    group = vpc.group("sg-all")
    group.ingress("-1", None, "10.0.0.0/16")
    one.instance("client", "10.0.1.10", group)
    legacy = ClassicLoadBalancer("legacy", {one: "10.0.1.70", two: "10.0.2.70"}, group, crosses_zones=crosses_zones)
    legacy.listen(80, to=8080)
    return legacy, one.instance("old-1", "10.0.1.20", group), two.instance("old-2", "10.0.2.20", group)


def linked(world, provider=None):
    """web-1 and an endpoint at 10.0.9.9 for a service of `provider`, whose load balancer sends tcp/443 to app-1:8443."""
    provider = provider or world
    vpc, far = world.vpc("10.0.0.0/16"), provider.vpc("10.9.0.0/16")
    app, door = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.9.0/24")
    sg_web, sg_door, sg_app = vpc.group("sg-web"), vpc.group("sg-door"), far.group("sg-app")
    sg_door.ingress("-1", None, "10.0.0.0/16")
    app.instance("web-1", "10.0.1.10", sg_web)
    front, back = far.subnet("10.9.1.0/24"), far.subnet("10.9.2.0/24")
    sg_app.ingress("tcp", 8443, "10.9.1.0/24")
    shop = LoadBalancer("shop", {front: "10.9.1.50"})
    target = back.instance("app-1", "10.9.2.20", sg_app)
    shop.listen(443, [target], to=8443)
    service = endpoint_service(provider, shop)
    interface_endpoint(door, "10.0.9.9", sg_door, service=service)
    return shop, sg_web, sg_app, front, target


def inspected(world, appliances=1, **more):
    """web-1 and db-1, whose subnets route to each other by an endpoint for appliances in another VPC."""
    vpc, tools = world.vpc("10.0.0.0/16"), world.vpc("10.9.0.0/16")
    app, data, door = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.2.0/24"), vpc.subnet("10.0.9.0/24")
    sg_web, sg_db, sg_fw = vpc.group("sg-web"), vpc.group("sg-db"), tools.group("sg-fw")
    sg_db.ingress("tcp", 5432, "10.0.1.0/24")
    sg_fw.ingress("udp", 6081, "10.9.1.0/24")
    app.instance("web-1", "10.0.1.10", sg_web)
    data.instance("db-1", "10.0.2.20", sg_db)
    inner = tools.subnet("10.9.1.0/24")
    hosts = [inner.instance(f"fw-{number}", f"10.9.1.{number}", sg_fw) for number in range(10, 10 + appliances)]
    balancer = LoadBalancer("inspect", {inner: "10.9.1.50"}, type="gateway")
    balancer.inspect(hosts, **more)
    endpoint = appliance_endpoint(door, "10.0.9.9", endpoint_service(world, balancer))
    app.route("10.0.2.0/24", endpoint)
    data.route("10.0.1.0/24", endpoint)
    return app, data, door, sg_fw, sg_db, sg_web
