internal import FaultProxy

/// What faults need of this machine.
package enum Requirements {
  /// Programs that single faults take, one line each for `sophia doctor`.
  package static var optional: [String] {
    func line(_ isHere: Bool, _ name: String, _ package: String, _ kind: FaultKind) -> String {
      "\(name) is \(isHere ? "here" : "not here (apt-get install \(package))"): the fault \(kind.rawValue) of `sophia chaos` takes it"
    }
    return [
      line(CommandLineTool.strace.isHere, "strace", "strace", .fsyncError),
      line(ClockFaults.library != nil, "libfaketime", "faketime", .clockJump),
      line(CommandLineTool.unshare.isHere, "unshare", "util-linux", .diskFull),
    ]
  }

  /// - Throws: a `PlanError` that says what is missing and how to get it. Does not return where the command must be started
  ///   again in a mount namespace.
  static func check(_ schedule: FaultSchedule, usesNamespaces: Bool) throws {
    let kinds = Set(schedule.faults.map(\.what))
    if kinds.contains(.fsyncError) {
      guard CommandLineTool.strace.isHere else { throw missing(.fsyncError, "strace", "strace") }
      guard try CommandLineTool.strace.run(["-o", "/dev/null", "/bin/true"]).status == 0 else {
        throw PlanError(
          "no-tracing", "fsync-error needs strace, which may not trace processes here",
          advice: "run it as root, or allow it (sysctl kernel.yama.ptrace_scope=0), or leave that fault out")
      }
    }
    if kinds.contains(.clockJump), ClockFaults.library == nil { throw missing(.clockJump, "libfaketime", "faketime") }
    if usesNamespaces, let kind = kinds.first(where: { !$0.worksInNamespaces }) {
      throw PlanError(
        "not-in-namespaces", "\(kind.rawValue) is done by the fault proxy, which --namespaces does without",
        advice: "leave --namespaces or that fault out")
    }
    if usesNamespaces, let obstacle = NamespaceHosts.obstacle() { throw obstacle }
    if kinds.contains(.diskFull) { try SmallFileSystem.enterNamespace() }
  }

  private static func missing(_ kind: FaultKind, _ program: String, _ package: String) -> PlanError {
    PlanError(
      "missing-program", "\(kind.rawValue) needs \(program), which is not installed",
      advice: "install it (apt-get install \(package)), or leave that fault out of the plan")
  }
}
