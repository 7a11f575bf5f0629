internal import ActionableErrors
internal import DurableFiles
internal import Foundation
internal import Limits
internal import Rollout
internal import Synchronization
internal import Wire

/// The events that a worker and a scorer have in common.
protocol PeerEvent: Sendable {
  static func message(_ message: LearnerMessage) -> Self
  static func found(_ digests: [SHA256Digest]) -> Self
  static func failed(_ reason: String) -> Self
  static func stop(reason: String) -> Self
  static var tick: Self { get }
}

extension WorkerEvent: PeerEvent {}
extension ScorerEvent: PeerEvent {}

/// What the services of a worker and of a scorer have in common: the loop from events to actions, the learner's
/// messages, model files, and the line of jobs for the engine.
struct PeerLoop<Event: PeerEvent>: Sendable {
  let transport: any PeerTransport
  let log: @Sendable (LogLevel, String) -> Void
  /// Told about once a second, from the loop: while it turns.
  let report: @Sendable (RoleCondition) -> Void
  private let cache: ArtifactCache
  /// The run's own, once the learner has said what they are.
  private let bounds = Bounds()
  private let mailbox = Mailbox<Event>()
  private let engine = JobLine()
  private let clock = MonotonicClock()

  init(
    transport: any PeerTransport, files: ArtifactCache, log: @escaping @Sendable (LogLevel, String) -> Void,
    report: @escaping @Sendable (RoleCondition) -> Void
  ) {
    self.transport = transport
    cache = files
    self.log = log
    self.report = report
  }

  var now: Rollout.Instant { clock.now }
  var codec: Codec { Codec(limits: bounds.limits.withLock { $0 }) }

  /// Of the run's model files, once the learner has said which they are.
  var files: ArtifactCache { bounds.files.withLock { $0 } ?? cache }

  func stop(reason: String) {
    mailbox.post(.stop(reason: reason))
  }

  /// Runs until an action says how it ended. To be called once.
  ///
  /// - Parameters:
  ///   - decode: what has come besides the learner's messages; nil for what this role does not take.
  ///   - perform: lets the role receive an event and carries out its actions.
  func run(
    decode: @escaping @Sendable (PeerInbound, Codec) throws(WireError) -> Event?,
    perform: (Event) -> RunEnd?
  ) async -> RunEnd {
    let receiving = receive(decode)
    let ticking = Ticker.shared.add { [mailbox] in mailbox.post(.tick) }
    defer {
      receiving.cancel()
      Ticker.shared.remove(ticking)
      mailbox.close()
      engine.close()
    }
    mailbox.post(.tick)
    while let event = await mailbox.next() {
      guard let end = perform(event) else { continue }
      await transport.close(linger: .milliseconds(500))
      return end
    }
    return .failed(reason: "the role's events ended")
  }

  // MARK: Actions

  func send(_ message: PeerMessage) {
    transport.send(codec.encode(message))
  }

  func connect(_ welcome: Welcome) {
    bounds.files.withLock { $0 = $0 ?? cache.of(welcome.artifacts) }
    bounds.limits.withLock {
      $0 = .standard.narrowed(toGroupsOf: welcome.groupSize, responseTokens: welcome.responseTokens)
    }
    compareClocks(welcome.clock)
    transport.connect(publishPort: welcome.publishPort, dataPort: welcome.dataPort, allowed: welcome.allowed)
  }

  /// Nothing of the run depends on wall clocks; what people read does.
  private func compareClocks(_ learner: Double) {
    guard learner > 0 else { return }
    let ahead = Date().timeIntervalSince1970 - learner
    guard abs(ahead) > Self.clockTolerance else { return }
    let word = "\(Int(abs(ahead))) s \(ahead > 0 ? "ahead of" : "behind")"
    log(.warning, "this machine's clock is \(word) the learner's: times in logs will not fit together until one of them is set")
  }

  /// Seconds; a welcome may be under way for a while.
  private static var clockTolerance: Double { 5 }

  func find(_ artifacts: [Artifact]) {
    run { [files, log] in .found(files.present(artifacts, log: log)) }
  }

  func keep(_ artifact: Artifact, bytes: [UInt8]) {
    run { [files] in
      try files.keep(artifact, bytes: bytes)
      return nil
    }
  }

  /// Runs `job` on the engine's line and posts what it returns; a job that throws ends the process.
  func run(_ job: @escaping @Sendable () async throws -> Event?) {
    engine.add { [mailbox] in
      do {
        if let event = try await job() { mailbox.post(event) }
      } catch {
        mailbox.post(.failed("\(error)"))
      }
    }
  }

  /// Runs `job` beside the engine's line, which may be busy for long, and posts what it returns.
  func runAside(_ job: @escaping @Sendable () async -> Event) {
    Task { [mailbox] in mailbox.post(await job()) }
  }

  // MARK: What comes by itself

  private func receive(
    _ decode: @escaping @Sendable (PeerInbound, Codec) throws(WireError) -> Event?
  ) -> Task<Void, Never> {
    Task { [self] in
      for await inbound in transport.inbound {
        let codec = codec
        do throws(WireError) {
          switch inbound {
          case .control(let frame): await mailbox.offer(.message(try codec.learnerMessage(frame)), bytes: frame.byteCount)
          case .failed(let error): mailbox.post(.failed("the transport: \(error)"))
          case .published(let frame), .data(_, role: _, let frame):
            if let event = try decode(inbound, codec) { await mailbox.offer(event, bytes: frame.byteCount) }
          }
        } catch {
          log(.warning, "refused a message: \(error)")
        }
      }
    }
  }
}

private final class Bounds: Sendable {
  let limits = Mutex(Limits.standard)
  let files = Mutex<ArtifactCache?>(nil)
}
