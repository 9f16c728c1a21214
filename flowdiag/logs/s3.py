"""Flow logs in S3: only the folders and five-minute slots that can hold the window are listed, only their files are read.

Several files are read at once, each as a stream: nothing is kept but the records that are sought.
https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from flowdiag.logs import Access, Means, Opener, Search, Sought, Source, Tally
from flowdiag.logs._amount import LIMIT, gigabytes
from flowdiag.logs._delivery import S3 as BUCKET
from flowdiag.logs._delivery import Delivery
from flowdiag.logs._keys import Root, Slots, is_below_root, is_parquet, is_root, leads_on, root_of, slot_of
from flowdiag.logs._objects import SMALL, Object, Reading, tell_unread
from flowdiag.logs._tables import UNNAMED, lies_over, tables_of
from flowdiag.logs.record import Layout
from flowdiag.model import FlowdiagError, Record, Scope

SMALLER = "narrow the window, let Athena search them ({}), or agree with yes=True (--yes)"


@dataclass(frozen=True)
class S3(Opener):
    """Files of one bucket: below the folders of `roots`, or, without them, below a prefix whose folders are looked through.

    `scope` is who asks and in which Region; `scopes` are the accounts and Regions whose folders are looked into.
    `layout` is what the LogFormat tells, for files without a header; `agreed` whether a large amount is agreed to.
    """

    access: Access
    scope: Scope
    bucket: str
    prefix: str = ""
    roots: tuple[Root, ...] = ()
    scopes: tuple[Scope, ...] = ()
    layout: Layout | None = None
    agreed: bool = False

    prefixes: ClassVar[tuple[str, ...]] = ("s3://",)
    delivers: ClassVar[str] = BUCKET
    actions: ClassVar[tuple[str, ...]] = ("s3:ListBucket", "s3:GetObject")

    @classmethod
    def opens(cls, where: str, means: Means) -> Source | None:
        """The bucket and prefix of `s3://bucket/prefix`; None for another place."""
        if not where.startswith(cls.prefixes):
            return None
        bucket, _, prefix = where.removeprefix("s3://").partition("/")
        if not bucket:
            raise FlowdiagError(f"flow logs {where!r} name no bucket: write s3://bucket/prefix")
        access = means.door(where)
        return cls(access, access.home, bucket, prefix, scopes=means.scopes, agreed=means.agreed)

    @classmethod
    def of(cls, means: Means, deliveries: tuple[Delivery, ...]) -> S3:
        """The files of flow logs of one bucket and prefix; raises FlowdiagError where their destination is no bucket."""
        first = deliveries[0]
        bucket, prefix = first.bucket
        if not bucket:
            raise FlowdiagError(f"{first.flow_log} delivers to {first.destination!r}, which is no bucket")
        roots = tuple(root_of(prefix, d.scope, d.flow_log, d.hive, d.hourly) for d in deliveries)
        layout = Layout.of_format(first.log_format) if first.log_format and len(deliveries) == 1 else None
        access = means.door(first.destination)
        return cls(access, first.scope, bucket, prefix, roots, layout=layout, agreed=means.agreed)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def search(self, sought: Sought) -> Search:
        """Every record that is sought; raises FlowdiagError for a window without bounds."""
        slots = Slots.of(sought.window)
        return Search(lambda tally: self._records(sought, slots, tally), source=f"flow logs in {self.name}", live=True)

    def _records(self, sought: Sought, slots: Slots, tally: Tally) -> Iterator[Record]:
        asker, found = self._objects(sought, slots, tally)
        size = sum(entry.size for entry in found)
        if size > LIMIT and not self.agreed:
            way = SMALLER.format(self._table_over(found))
            tally.lose(sought.interfaces, f"{self.name}: {gigabytes(size)} of files are not read: {way}")
            return
        reading = Reading(self.access, asker, self.bucket, sought, self.layout, small=size <= SMALL)
        yield from reading.records(found, tally)
        tell_unread(reading.failures, self.name, sought, tally)

    def _table_over(self, found: list[Object]) -> str:
        """How to name an Athena table that lies over these files, where one may be seen; else how to name any."""
        keys, scopes = [entry.key for entry in found], self.scopes or tuple(root.scope for root in self.roots)
        tables, _ = tables_of(self.access, self.access.home)
        over = (table.place for table in tables if lies_over(table, self.bucket, keys, scopes))
        return next(over, UNNAMED)

    def _objects(self, sought: Sought, slots: Slots, tally: Tally) -> tuple[Scope, list[Object]]:
        """The files that may hold records of the window, and who may list them; a listing that breaks off is noted.

        An archive often lies in an account of its own, so where one account may not list the bucket the others are asked.
        """
        best: tuple[Scope, list[Object]] = (self.scope, [])
        reasons: dict[str, None] = {}
        for asker in self._askers():
            found: list[Object] = []
            try:
                found.extend(self._listed(asker, slots))  # what came before a fault stays in the list
            except FlowdiagError as error:
                reasons[str(error)] = None
                best = max(best, (asker, found), key=lambda one: len(one[1]))
            else:
                return asker, found
        tally.lose(sought.interfaces, f"{self.name} could not be listed ({'; '.join(reasons)}, s3:ListBucket)")
        return best

    def _askers(self) -> list[Scope]:
        """One scope for each account that can be asked, the flow log's own first."""
        by_account: dict[str, Scope] = {}
        for scope in (self.scope, *self.access.scopes()):
            by_account.setdefault(scope.account, scope)
        return list(by_account.values())

    def _listed(self, asker: Scope, slots: Slots) -> Iterator[Object]:
        listings = list(self._listings(asker, slots))
        if not listings:
            raise FlowdiagError("no folder AWSLogs/…/vpcflowlogs/ of these accounts and Regions is there")
        for prefix, after in listings:
            yield from self._files(asker, prefix, after, slots)

    def _listings(self, asker: Scope, slots: Slots) -> Iterator[tuple[str, str]]:
        if is_below_root(self.prefix):
            yield self.prefix, ""
            return
        for root in self.roots or self._found_roots(asker, f"{self.prefix.strip('/')}/".lstrip("/")):
            yield from root.listings(slots)

    def _found_roots(self, asker: Scope, folder: str) -> Iterator[Root]:
        """The folders of accounts and Regions below a prefix, whatever stands between: an organisation's id, Hive's names."""
        root = is_root(folder) if folder else None
        if root:
            yield root
            return
        request = {"Bucket": self.bucket, "Prefix": folder, "Delimiter": "/"}
        for page in self.access.each(asker, "s3", "list_objects_v2", request):
            for entry in page.get("CommonPrefixes") or ():
                if leads_on(entry["Prefix"], self.scopes):
                    yield from self._found_roots(asker, entry["Prefix"])

    def _files(self, asker: Scope, prefix: str, after: str, slots: Slots) -> Iterator[Object]:
        request = {"Bucket": self.bucket, "Prefix": prefix, **({"StartAfter": after} if after else {})}
        for page in self.access.each(asker, "s3", "list_objects_v2", request):
            entries = page.get("Contents") or ()
            for entry in entries:
                if slots.hold(entry["Key"]):
                    yield Object(entry["Key"], entry.get("Size", 0), is_parquet(entry["Key"]), entry.get("ETag", ""))
            last = slot_of(entries[-1]["Key"]) if entries and prefix.endswith("_") else None
            if last and last > slots.last:
                return  # below the name of one flow log the keys are in the order of time
