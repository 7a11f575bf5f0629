import DurableFiles
import Foundation
import Testing

/// A file system of its own that can be full or read-only. Only root may mount one.
final class SmallDisk {
  static let canBeMounted = geteuid() == 0
  static let missing: Comment = "needs root, to mount a file system"

  let path: String
  private var ballast: String { "\(path)/ballast" }
  private var isMounted = false
  /// When it was filled last.
  private(set) var filled = Date.distantPast

  init(at path: String, megabytes: Int) throws {
    self.path = path
    try DurableFiles.createFolder(path)
    try run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path)
    isMounted = true
  }

  /// Takes all the space that is left.
  func fill() throws {
    let descriptor = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    // Down to the last byte.
    for size in [1 << 16, 1 << 10, 1] {
      let block = [UInt8](repeating: 1, count: size)
      while write(descriptor, block, size) > 0 {}
    }
    try #require(errno == ENOSPC)
    filled = Date()
  }

  func free() throws { try DurableFiles.remove(ballast) }

  func makeReadOnly() throws { try run("mount", "-o", "remount,ro", path) }

  /// To be called however the test ends, when nothing uses it any more.
  func unmount() {
    guard isMounted else { return }
    isMounted = false
    do { try run("umount", "--lazy", path) } catch { Issue.record(error) }
  }

  deinit { unmount() }

  private func run(_ command: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(command.joined(separator: " "))")
  }
}
