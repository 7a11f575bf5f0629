internal import DurableFiles
internal import Foundation
internal import Synchronization

/// What is to be put right if this process is killed: a shell waits for its end and then runs the commands that stand in
/// the will. A stopped process would otherwise stay stopped for ever.
final class LastWill: Sendable {
  private let path: String
  private let commands = Mutex([String: String]())
  private let shell: Process
  private let pipe = Pipe()

  /// - Parameter path: a file for the commands.
  init(path: String) throws {
    self.path = path
    try DurableFiles.remove(path)
    shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    // Ctrl-C goes to the whole group, and the shell is to outlive it.
    shell.arguments = ["-c", "trap '' INT TERM HUP; cat >/dev/null; [ ! -s \"$0\" ] || sh \"$0\"; rm -f \"$0\"", path]
    shell.standardInput = pipe
    shell.standardOutput = FileHandle.nullDevice
    shell.standardError = FileHandle.nullDevice
    try shell.run()
    // Only the pipe's writing end keeps the shell waiting, and no child of this process may hold it too.
    _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
  }

  func add(_ command: String, as name: String) {
    commands.withLock { commands in
      commands[name] = command
      write(commands)
    }
  }

  func remove(_ name: String) {
    commands.withLock { commands in
      guard commands.removeValue(forKey: name) != nil else { return }
      write(commands)
    }
  }

  /// Carries out what is left, and ends the shell.
  func execute() {
    try? pipe.fileHandleForWriting.close()
    shell.waitUntilExit()
  }

  private func write(_ commands: [String: String]) {
    let text = commands.sorted { $0.key < $1.key }.map { $0.value + "\n" }.joined()
    try? DurableFiles.write(text, to: path)
  }
}
