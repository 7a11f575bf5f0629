internal import Foundation
internal import Synchronization

/// A program of the system that changes networks.
enum NetworkTool: String, CaseIterable {
  case ip, tc, nft, nsenter

  private static let deadline = DispatchTimeInterval.seconds(20)

  /// The Debian package that has it.
  private var package: String {
    switch self {
    case .ip, .tc: "iproute2"
    case .nft: "nftables"
    case .nsenter: "util-linux"
    }
  }

  /// - Parameter folders: where to look for it.
  /// - Throws: `fault-proxy.tool-missing`.
  func path(
    in folders: [String] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"]
  ) throws(FaultProxyError) -> String {
    for folder in folders where FileManager.default.isExecutableFile(atPath: "\(folder)/\(rawValue)") {
      return "\(folder)/\(rawValue)"
    }
    throw FaultProxyError(
      code: "tool-missing", message: "the program \(rawValue) is not installed",
      advice: "install it, on Debian with: apt-get install \(package)")
  }

  /// - Returns: what it printed.
  /// - Throws: `fault-proxy.tool-missing`; `.tool-failed` with what it said, or that it took too long.
  @discardableResult
  func run(_ arguments: [String]) throws(FaultProxyError) -> String {
    let process = Process()
    let (output, complaints) = (Pipe(), Pipe())
    let hasEnded = DispatchSemaphore(value: 0)
    process.executableURL = URL(fileURLWithPath: try path())
    process.arguments = arguments
    process.environment = ["LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
    (process.standardInput, process.standardOutput, process.standardError) = (FileHandle.nullDevice, output, complaints)
    process.terminationHandler = { _ in hasEnded.signal() }
    do { try process.run() } catch { throw failure(arguments, "\(error)") }
    // Complaints fit into a pipe; what is printed may not, and ends with the program.
    let isLate = Mutex(false)
    let watch = DispatchWorkItem {
      isLate.withLock { $0 = true }
      kill(process.processIdentifier, SIGKILL)
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + Self.deadline, execute: watch)
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    let complaint = complaints.fileHandleForReading.readDataToEndOfFile()
    hasEnded.wait()
    watch.cancel()
    if isLate.withLock(\.self) { throw failure(arguments, "it took too long") }
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      let text = String(decoding: complaint, as: UTF8.self).split(separator: "\n").joined(separator: "; ")
      throw failure(arguments, text.isEmpty ? "it ended with \(process.terminationStatus)" : text)
    }
    return String(decoding: printed, as: UTF8.self)
  }

  private func failure(_ arguments: [String], _ reason: String) -> FaultProxyError {
    FaultProxyError(
      code: "tool-failed", message: "`\(([rawValue] + arguments).joined(separator: " "))` failed: \(reason)",
      advice: """
        run as root on a kernel with network namespaces, veth, bridges, tbf and nftables, or use links on loopback \
        addresses, which need none of them
        """)
  }
}
