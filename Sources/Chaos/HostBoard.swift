/// The roles of a run in network namespaces, each with an address of its own.
final class HostBoard: Sendable {}
