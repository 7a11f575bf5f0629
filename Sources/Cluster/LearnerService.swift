internal import ActionableErrors
internal import DurableFiles
internal import Foundation
package import Limits
package import Rollout
internal import Synchronization
package import TrustGRPO
internal import WeightDeltas
internal import Wire

/// What the learner tells peers that join, besides what its role knows.
package struct LearnerOffer: Sendable {
  package var run: String
  package var heartbeat: Duration
  /// The run's settings as JSON.
  package var settings: String
  package var trustGRPO: TrustGRPOSettings
  /// Model files by path, and where they lie on this machine.
  package var artifacts: [(artifact: Artifact, file: String)]
  /// Responses of the run's groups, and tokens of the longest.
  package var groupSize: Int
  package var responseTokens: Int
  /// This machine's name, for observers.
  package var host: String
  /// What has happened to a unit, for observers.
  package var history: @Sendable (UnitID) throws -> [UnitStory.Event]

  package init(
    run: String, heartbeat: Duration, settings: String, trustGRPO: TrustGRPOSettings,
    artifacts: [(artifact: Artifact, file: String)], groupSize: Int, responseTokens: Int, host: String = "",
    history: @escaping @Sendable (UnitID) throws -> [UnitStory.Event] = { _ in [] }
  ) {
    self.host = host
    self.history = history
    self.run = run
    self.heartbeat = heartbeat
    self.settings = settings
    self.trustGRPO = trustGRPO
    self.artifacts = artifacts
    self.groupSize = groupSize
    self.responseTokens = responseTokens
  }

  /// Narrowed to the run's groups.
  package var limits: Limits { .standard.narrowed(toGroupsOf: groupSize, responseTokens: responseTokens) }
}

/// Carries out the learner's actions: sockets, journal, trainer, clock.
package struct LearnerService: Sendable {
  private let offer: LearnerOffer
  private let transport: any LearnerTransport
  private let trainer: any PolicyTrainer
  private let catalogue: any TaskCatalogue
  private let journal: any RunJournal
  private let log: @Sendable (LogLevel, String) -> Void
  /// Told about once a second, from the loop: while it turns.
  private let report: @Sendable (RoleCondition) -> Void
  private let mailbox = Mailbox<LearnerEvent>()
  private let clock = MonotonicClock()
  private let codec: Codec
  private let fault = FaultPoint.ofThisProcess(.learner)

  package init(
    offer: LearnerOffer, transport: any LearnerTransport, trainer: any PolicyTrainer,
    catalogue: any TaskCatalogue, journal: any RunJournal, log: @escaping @Sendable (LogLevel, String) -> Void,
    report: @escaping @Sendable (RoleCondition) -> Void = { _ in }
  ) {
    self.report = report
    self.offer = offer
    codec = Codec(limits: offer.limits)
    self.transport = transport
    self.trainer = trainer
    self.catalogue = catalogue
    self.journal = journal
    self.log = log
  }

  package func stop(reason: String) {
    mailbox.post(.stop(reason: reason))
  }

  /// The transport admits `peers` and nobody else from now on.
  package func admits(_ peers: [AllowedPeer]) {
    mailbox.post(.allowed(Dictionary(peers.map { ($0.name, $0.role) }) { _, last in last }))
  }

  /// Runs until all work is done, the run is stopped, or something failed for good.
  package func run(
    settings: LearnerSettings, schedule: Schedule, recovered: RecoveredLedger, manifest: WeightManifest
  ) async throws -> RunEnd {
    var role = LearnerRole(
      settings: settings, schedule: schedule, recovered: recovered, manifest: manifest, now: clock.now)
    let first = PolicyVersion(first: manifest, weights: try await trainer.weights())
    var weights = ServedWeights(first)
    let writer = JournalWriter(journal: journal) { [mailbox] outcome in
      switch outcome {
      case .durable(let ticket): mailbox.post(.journaled(through: ticket))
      case .paused(let reason): mailbox.post(.journalPaused(reason: reason))
      case .failed(let error): mailbox.post(.failed("the journal: \(error)"))
      }
    }
    let engine = JobLine()
    let trainedLast = Mutex(first)
    let receiving = receive()
    let ticking = tick(every: min(settings.heartbeat * 0.25, .seconds(1)))
    defer {
      receiving.cancel()
      ticking.cancel()
      mailbox.close()
      engine.close()
    }

    var end: RunEnd?
    func perform(_ actions: [LearnerAction]) {
      for action in actions {
        switch action {
        case .send(let peer, let message):
          if case .durable = message { fault.pass(.admitted) }
          transport.send(codec.encode(message), to: peer)
        case .welcome(let peer, let incarnation, let scorers):
          transport.send(codec.encode(.welcome(welcome(peer, incarnation, scorers, weights.newest))), to: peer)
        case .lease(let peer, let id, let unit, let attempt, let version, let step):
          do {
            let task = try catalogue.task(of: unit.prompt)
            guard task.byteCount + 4096 <= codec.limits.messages.control else {
              throw OversizedTask(bytes: task.byteCount)
            }
            let lease = Lease(id: id, unit: unit, attempt: attempt, version: version, step: step, task: task)
            transport.send(codec.encode(.lease(lease)), to: peer)
          } catch {
            mailbox.post(.message(peer, role: .worker, .declined(id, reason: "\(error)")))
          }
        case .show(let peer, var snapshot):
          (snapshot.run, snapshot.host, snapshot.processID) = (offer.run, offer.host, getpid())
          transport.send(codec.encode(.cluster(snapshot)), to: peer)
        case .tell(let peer, let unit, let state, let step): tell(peer, UnitStory(unit: unit, state: state, step: step, events: []))
        case .answer(let peer, let fetch): transport.send(codec.encode(answer(fetch, weights)), to: peer)
        case .journal(let records, let ticket): writer.add(records, ticket: ticket)
        case .train(let step, let groups):
          engine.add { [mailbox, trainer] in
            do {
              var (trained, manifest) = try await trainer.train(step: step, groups: groups)
              let version = PolicyVersion(
                manifest, weights: try await trainer.weights(), after: trainedLast.withLock { $0 }, &trained.metrics)
              trainedLast.withLock { $0 = version }
              mailbox.post(.trained(trained, version.manifest))
            } catch {
              mailbox.post(.failed("step \(step): \(error)"))
            }
          }
        case .publish(let manifest):
          fault.pass(.publishing)
          weights.publish(trainedLast.withLock { $0 })
          transport.publish(codec.encode(.announced(manifest)))
        case .release(let versions): weights.release(versions)
        case .checkpoint(let step):
          engine.add { [mailbox, trainer, fault] in
            do {
              fault.pass(.checkpointing)
              let (path, policy) = try await trainer.checkpoint(step: step)
              fault.pass(.checkpointed)
              mailbox.post(.checkpointed(step: step, path: path, policy: policy))
            } catch let error as FileError where error.isDiskFull {
              mailbox.post(.checkpointFailed(step: step, reason: "\(error)"))
            } catch {
              mailbox.post(.failed("the checkpoint of step \(step): \(error)"))
            }
          }
        case .removeCheckpoints(let paths):
          engine.add { [trainer, log] in
            do {
              try await trainer.removeCheckpoints(paths)
            } catch {
              log(.warning, "cannot remove checkpoints that are no longer needed: \(error)")
            }
          }
        case .log(let level, let text): log(level, text)
        case .finish(let how): end = how
        }
      }
    }

    var reports = ReportPace()
    perform(role.start(at: clock.now))
    while let event = await mailbox.next() {
      if reports.isDue(at: clock.now) { report(role.condition) }
      if case .tick = event, clock.now < role.wakeAt { continue }
      pass(event)
      perform(role.receive(event, at: clock.now))
      if end != nil { break }
    }
    await transport.close(linger: .milliseconds(500))
    return end ?? .failed(reason: "the learner's event stream ended")
  }

  private func pass(_ event: LearnerEvent) {
    switch event {
    case .scored: fault.pass(.admitting)
    case .trained: fault.pass(.trained)
    default: break
    }
  }

  private func receive() -> Task<Void, Never> {
    Task { [transport, mailbox, codec, catalogue, offer, log] in
      for await inbound in transport.inbound {
        switch inbound {
        case .control(let peer, let role, let frame):
          do throws(WireError) {
            await mailbox.offer(.message(peer, role: role, try codec.peerMessage(frame)), bytes: frame.byteCount)
          } catch {
            log(.warning, "refused a message from \(peer): \(error)")
          }
        case .data(let peer, let role, let frame):
          do throws(WireError) {
            let group = try codec.scoredGroup(frame, settings: offer.trustGRPO)
            let task = group.unit.prompt < catalogue.count ? try? catalogue.task(of: group.unit.prompt) : nil
            await mailbox.offer(
              .scored(peer, role: role, group, taskMatches: task?.digest == group.taskDigest), bytes: frame.byteCount)
          } catch {
            log(.warning, "refused a group from \(peer): \(error)")
          }
        case .failed(let error): mailbox.post(.failed("the transport: \(error)"))
        }
      }
    }
  }

  private func tick(every interval: Duration) -> Task<Void, Never> {
    Task { [mailbox] in
      while !Task.isCancelled {
        try? await Task.sleep(for: interval)
        mailbox.post(.tick)
      }
    }
  }

  private func welcome(
    _ peer: PeerID, _ incarnation: UInt32, _ scorers: [ScorerAddress], _ manifest: WeightManifest
  ) -> Welcome {
    // Only scorers are connected to by others. With a list of all in the welcome of each, a thousand workers would be sent
    // a million keys while they join.
    let allowed = transport.allowed
    let isScorer = allowed.contains { $0.role == .scorer && $0.name == peer.name }
    return Welcome(
      run: offer.run, incarnation: incarnation, publishPort: transport.ports.publish, dataPort: transport.ports.data,
      heartbeat: offer.heartbeat, settings: offer.settings, artifacts: offer.artifacts.map(\.artifact),
      scorers: scorers, allowed: isScorer ? allowed.filter { $0.role == .worker } : [], manifest: manifest,
      groupSize: offer.groupSize, responseTokens: offer.responseTokens, clock: Date().timeIntervalSince1970)
  }

  /// Reads the journal beside the loop, which waits for no disk.
  private func tell(_ peer: PeerID, _ unfinished: UnitStory) {
    Task { [offer, transport, codec, log] in
      var story = unfinished
      do {
        story.events = try offer.history(story.unit).suffix(codec.limits.messages.storyEvents)
        transport.send(codec.encode(.story(story)), to: peer)
      } catch {
        log(.warning, "cannot read what happened to unit \(story.unit): \(error)")
      }
    }
  }

  private func answer(_ fetch: Fetch, _ weights: ServedWeights) -> LearnerMessage {
    let payload: Payload?
    switch fetch.source {
    case .weights, .delta: payload = weights.payload(fetch)
    case .artifact(let digest):
      let file = offer.artifacts.first { $0.artifact.digest == digest }?.file
      let bytes = file.flatMap { try? DurableFiles.read($0, offset: fetch.offset, count: fetch.count) }
      payload = bytes.flatMap { $0.isEmpty ? nil : Payload($0) }
    }
    guard let payload else { return .gone(fetch.source) }
    return .chunk(Chunk(source: fetch.source, offset: fetch.offset, payload: payload))
  }
}

/// A row whose images no lease can carry.
private struct OversizedTask: ActionableError {
  let bytes: Int

  var code: String { "cluster.oversized-task" }
  var message: String {
    "the row takes \(bytes) bytes with its images, more than the \(Limits.standard.messages.control) of a message"
  }
  var advice: String { "use smaller image files" }
}
