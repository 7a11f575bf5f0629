internal import Cluster
internal import ClusterZeroMQ
internal import Foundation
internal import Rollout
internal import Runs
internal import Wire
internal import ZeroMQ

/// Peers that are not what they should be: one with a worker's key that sends rubbish, and others without a key.
struct MessageFaults: Sendable {
  let folder: RunFolder
  /// The name of a key that is registered for a worker and that no worker of the run has.
  let spareKey: String
  let log: RoleLog
  let seed: UInt64

  /// Sends `count` malformed messages with the spare key.
  func badMessages(_ count: Int, as number: Int) async throws -> Proof {
    guard let learner = folder.learnerAddresses else { return .missing("no learner listens") }
    let keys = RunKeys(folder: folder.keys)
    let mark = log.mark()
    let transport = try await ZeroMQPeerTransport.worker(
      learner: learner.control, keys: keys.pair(of: spareKey), learnerKey: keys.publicKey(of: RunKeys.learnerName))
    for index in 0..<count { transport.send(Frame(rubbish(index, of: number))) }
    var refused = 0
    for _ in 0..<250 {
      refused = log.lines(since: mark).count { $0.contains("refused a message from \(spareKey)") }
      if refused >= count { break }
      try? await Task.sleep(for: .milliseconds(20))
    }
    await transport.close(linger: .zero)
    let proof = "the learner refused \(refused) of \(count) malformed messages from \(spareKey)"
    return refused > 0 ? .found(proof) : .missing(proof)
  }

  /// Random bytes, a message that ends early, one that is nested without end, and one of another version.
  private func rubbish(_ index: Int, of number: Int) -> [UInt8] {
    let draws = Draws(seed: seed &+ 1, fault: number)
    switch index % 4 {
    case 0:
      return (0..<(1 + draws.below(2000, UInt32(index)))).map { UInt8(draws.below(256, UInt32(1000 + index * 4096 + $0))) }
    case 1: return [0x0A, 0xFF, 0xFF, 0xFF, 0x7F]
    case 2: return [UInt8](repeating: 0x0A, count: 4000)
    default: return [0x08, 0xFF, 0xFF, 0x03] + [UInt8](repeating: 0xEE, count: 100)
    }
  }

  /// `count` connections of strangers, and one with a key of its own that nobody registered.
  func strangers(_ count: Int, as number: Int) async throws -> Proof {
    guard let learner = folder.learnerAddresses else { return .missing("no learner listens") }
    let mark = log.mark()
    let keys = RunKeys(folder: folder.keys)
    let transport = try await ZeroMQPeerTransport.worker(
      learner: learner.control, keys: .generate(), learnerKey: keys.publicKey(of: RunKeys.learnerName))
    let control = UInt16(learner.control.split(separator: ":").last ?? "") ?? 0
    var visits: [Int32] = []
    for index in 0..<count {
      let port = [control, learner.publish, learner.data][index % 3]
      let host = learner.control.dropFirst("tcp://".count).prefix { $0 != ":" }
      guard let visit = connect(String(host), port) else { continue }
      say(greeting(index, of: number), to: visit)
      visits.append(visit)
    }
    let turnedAway = try? await log.wait(for: "turned away the unregistered key", since: mark, within: .seconds(5))
    let thrownOut = visits.count { isClosed($0) }
    for visit in visits { close(visit) }
    await transport.close(linger: .zero)
    let lines = Proof.found("\(visits.count) connections without a key, \(thrownOut) of them thrown out at once")
    return lines
      + ((turnedAway ?? nil).map { .found("the learner said: \($0)") } ?? .missing("no unregistered key was turned away"))
  }

  /// Rubbish; a greeting without encryption; one that announces a frame of 2^62 bytes; silence.
  private func greeting(_ index: Int, of number: Int) -> [UInt8] {
    let draws = Draws(seed: seed &+ 2, fault: number)
    func zmtp(_ mechanism: String) -> [UInt8] {
      let name = Array(mechanism.utf8) + [UInt8](repeating: 0, count: 20 - mechanism.utf8.count)
      return [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1] + name + [UInt8](repeating: 0, count: 32)
    }
    switch index % 4 {
    case 0:
      return (0..<(64 + draws.below(4000, UInt32(index)))).map { UInt8(draws.below(256, UInt32(1000 + index * 4096 + $0))) }
    case 1: return zmtp("NULL") + [4, 0x19, 5] + Array("READY".utf8) + [UInt8](repeating: 0, count: 19)
    case 2: return zmtp("CURVE") + [2, 0x40, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0x55, count: 500)
    default: return []
    }
  }

  // MARK: Plain sockets

  private func connect(_ host: String, _ port: UInt16) -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if status == 0 { return descriptor }
    close(descriptor)
    return nil
  }

  private func say(_ bytes: [UInt8], to descriptor: Int32) {
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
  }

  /// Whether the other end has closed it.
  private func isClosed(_ descriptor: Int32) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count > 0 { continue }
      return count == 0 || errno == ECONNRESET || errno == EPIPE
    }
  }
}
