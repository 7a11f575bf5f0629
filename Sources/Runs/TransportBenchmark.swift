internal import Cluster
internal import ClusterZeroMQ
internal import Limits
internal import Rollout
internal import Wire
internal import ZeroMQ

/// How many messages a second go from a worker to the learner over the sockets of a run, on loopback, with CURVE and without,
/// and how long one takes there and back.
package struct TransportBenchmark: Sendable {
  package struct Measurement: Sendable, Hashable, Codable {
    package let curve: Bool
    package let messageBytes: Int
    package let messages: Int
    package let seconds: Double
    /// Of the mean round trip of a message with an answer of one byte, one at a time.
    package let roundTripMicroseconds: Double

    package var messagesPerSecond: Double { Double(messages) / seconds }
    package var megabytesPerSecond: Double { messagesPerSecond * Double(messageBytes) * 1e-6 }
  }

  package var sizes = [64, 4096, 1 << 16, 1 << 20]
  /// Of each measurement.
  package var duration = Duration.seconds(2)

  package init() {}

  /// - Parameter progress: told, in a line of text, what is being measured.
  package func run(progress: (String) -> Void = { _ in }) async throws -> [Measurement] {
    var measurements: [Measurement] = []
    for curve in [false, true] {
      for bytes in sizes {
        progress("\(bytes) bytes, \(curve ? "with CURVE" : "without CURVE")")
        measurements.append(try await measure(curve: curve, bytes: bytes))
      }
    }
    return measurements
  }

  private static let roundTrips = 500
  /// What workers say in a run is short; here it may be as long as what they hear.
  private static let limits: Limits = {
    var limits = Limits.standard
    limits.messages.fromPeer = limits.messages.control
    limits.sockets.unreadControl = 8 * limits.messages.control
    return limits
  }()

  /// Messages go in windows, two of them under way, so that no queue on the way can overflow.
  private func measure(curve: Bool, bytes: Int) async throws -> Measurement {
    let keys = (learner: try KeyPair.generate(), worker: try KeyPair.generate())
    let peer = AllowedPeer(name: "worker-0", role: .worker, publicKey: keys.worker.publicKey.z85)
    let limits = Self.limits
    let learner =
      curve
      ? try await ZeroMQLearnerTransport.open(bind: "tcp://127.0.0.1:0", keys: keys.learner, allowed: [peer], limits: limits)
      : try await ZeroMQLearnerTransport.openWithoutCurve(everyoneAs: peer, limits: limits)
    let worker =
      curve
      ? try await ZeroMQPeerTransport.worker(
        learner: "tcp://127.0.0.1:\(learner.ports.control)", keys: keys.worker, learnerKey: keys.learner.publicKey, limits: limits)
      : try await ZeroMQPeerTransport.workerWithoutCurve(port: learner.ports.control, limits: limits)
    let answering = Task {
      for await inbound in learner.inbound {
        if case .control(let peer, _, let frame) = inbound, frame.header.first == 1 { learner.send(Frame([1]), to: peer) }
      }
    }
    var answers = worker.inbound.makeAsyncIterator()
    let (asking, silent) = (Frame(message(1, bytes)), Frame(message(0, bytes)))
    // The connection is there once something came back.
    worker.send(asking)
    _ = await answers.next()

    let trips = ContinuousClock.now
    for _ in 0..<Self.roundTrips {
      worker.send(asking)
      _ = await answers.next()
    }
    let roundTrip = (ContinuousClock.now - trips).inSeconds / Double(Self.roundTrips)

    let window = max(2, min(256, (8 << 20) / bytes))
    func sendWindow() {
      for _ in 1..<window { worker.send(silent) }
      worker.send(asking)
    }
    let started = ContinuousClock.now
    var messages = 0
    sendWindow()
    repeat {
      sendWindow()
      _ = await answers.next()
      messages += window
    } while ContinuousClock.now - started < duration
    _ = await answers.next()
    messages += window
    let seconds = (ContinuousClock.now - started).inSeconds
    answering.cancel()
    await worker.close(linger: .zero)
    await learner.close(linger: .zero)
    return Measurement(
      curve: curve, messageBytes: bytes, messages: messages, seconds: seconds, roundTripMicroseconds: roundTrip * 1e6)
  }

  private func message(_ first: UInt8, _ bytes: Int) -> [UInt8] {
    var message = [UInt8](repeating: 7, count: max(1, bytes))
    message[0] = first
    return message
  }
}
