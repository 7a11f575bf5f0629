internal import DurableFiles
internal import Foundation
internal import Synchronization

/// The run folder on a small file system in memory, which can be full.
///
/// Mounted in a mount namespace of this process and its children, so that it is gone with them, however they end; what is on
/// it is taken out before.
final class SmallFileSystem: Sendable {
  private static let marker = "SOPHIA_CHAOS_MOUNTS"
  private static let megabytes = 512

  let path: String
  private let isFullNow = Atomic(false)
  private var ballast: String { "\(path)/.ballast" }

  /// Puts this process into a mount namespace of its own by starting the same command again through `unshare`. Without root
  /// that takes a user namespace too. Does not return where that was to be done.
  ///
  /// - Throws: a `PlanError` if this machine does not allow it.
  static func enterNamespace() throws {
    guard ProcessInfo.processInfo.environment[marker] == nil else { return }
    let options =
      geteuid() == 0 ? ["--mount", "--propagation", "private"] : ["--user", "--map-root-user", "--mount"]
    let trial = options + ["/bin/mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    let (status, error) =
      try CommandLineTool.unshare.isHere ? CommandLineTool.unshare.run(trial) : (1, "there is no unshare")
    guard status == 0 else {
      throw PlanError(
        "no-mount", "disk-full needs a file system of its own, which cannot be mounted here (\(error))",
        advice: "run it as root, allow user namespaces (sysctl user.max_user_namespaces), or leave that fault out")
    }
    setenv(marker, "1", 1)
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
    let command = [CommandLineTool.unshare.path] + options + [program] + CommandLine.arguments.dropFirst()
    var words = command.map { strdup($0) } + [nil]
    execv(command[0], &words)
    throw PlanError(
      "no-mount", "cannot start \(command[0]): \(String(cString: strerror(errno)))",
      advice: "leave disk-full out of the plan")
  }

  /// Mounts it at `path`, an empty folder.
  init(at path: String) throws {
    self.path = path
    try DurableFiles.createFolder(path)
    let mount = CommandLineTool(path: "/bin/mount", package: "mount")
    let (status, error) = try mount.run(["-t", "tmpfs", "-o", "size=\(Self.megabytes)m", "tmpfs", path])
    guard status == 0 else {
      throw PlanError(
        "no-mount", "cannot mount a file system at \(path) (\(error))", advice: "leave disk-full out of the plan")
    }
  }

  /// Takes all the space that is left.
  ///
  /// - Returns: the proof that no byte more finds room.
  func fill() -> Proof {
    let descriptor = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return .missing("cannot fill \(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    isFullNow.store(true, ordering: .relaxed)
    var number: Int32 = 0
    // Nearly all at once, and then to the last byte.
    var space = statvfs()
    if fstatvfs(descriptor, &space) == 0 {
      posix_fallocate(descriptor, 0, off_t(max(1, Int(space.f_bavail) * Int(space.f_frsize) - (1 << 16))))
    }
    lseek(descriptor, 0, SEEK_END)
    for size in [1 << 20, 1 << 16, 1 << 10, 1] {
      let block = [UInt8](repeating: 1, count: size)
      while write(descriptor, block, size) > 0 {}
      number = errno
    }
    guard number == ENOSPC else {
      return .missing("the file system took no more, but for another reason: \(String(cString: strerror(number)))")
    }
    return .found("a write of one byte failed: \(String(cString: strerror(ENOSPC)))")
  }

  func free() {
    unlink(ballast)
    isFullNow.store(false, ordering: .relaxed)
  }

  var isFull: Bool { isFullNow.load(ordering: .relaxed) }

  /// Brings what is on it to the disk below, at the same path.
  func takeOut() throws {
    free()
    let aside = path + ".kept"
    try DurableFiles.remove(aside)
    try FileManager.default.copyItem(atPath: path, toPath: aside)
    _ = try CommandLineTool(path: "/bin/umount", package: "mount").run(["--lazy", path])
    try DurableFiles.remove(path)
    try DurableFiles.rename(aside, to: path)
  }
}
