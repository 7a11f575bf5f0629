internal import ActionableErrors
package import Rollout
internal import Wire

/// Carries out a scorer's actions: sockets, model files, scoring engine, clock.
package struct ScorerService: Sendable {
  private let loop: PeerLoop<ScorerEvent>
  private let scorer: any GroupScorer
  private let fault = FaultPoint.ofThisProcess(.scorer)

  package init(
    transport: any PeerTransport, scorer: any GroupScorer, files: ArtifactCache,
    log: @escaping @Sendable (LogLevel, String) -> Void, report: @escaping @Sendable (RoleCondition) -> Void = { _ in }
  ) {
    loop = PeerLoop(transport: transport, files: files, log: log, report: report)
    self.scorer = scorer
  }

  /// Ends at once: what is lost here is pushed again by its worker.
  package func stop(reason: String) {
    loop.stop(reason: reason)
  }

  package func run(hello: Hello, settings: ScorerRole.Settings, seed: UInt64) async -> RunEnd {
    var role = ScorerRole(hello: hello, settings: settings, seed: seed, now: loop.now)
    var reports = ReportPace()
    return await loop.run { inbound, codec throws(WireError) in
      guard case .data(let peer, let role, let frame) = inbound else { return nil }
      return .group(peer, role: role, try codec.responseGroup(frame))
    } perform: { event in
      var end: RunEnd?
      if case .scored = event { fault.pass(.scored) }
      for action in role.receive(event, at: loop.now) {
        if case .finish(let how) = action { end = how } else { perform(action) }
      }
      if reports.isDue(at: loop.now) { loop.report(role.condition) }
      return end
    }
  }

  private func perform(_ action: ScorerAction) {
    switch action {
    case .send(let message): loop.send(message)
    case .connect(let welcome): loop.connect(welcome)
    case .connectAnew: loop.transport.connectAnew()
    case .find(let artifacts): loop.find(artifacts)
    case .keep(let artifact, let bytes): loop.keep(artifact, bytes: bytes)
    case .prepare(let welcome):
      loop.run { [loop, scorer] in
        do {
          return .prepared(try await scorer.prepare(folder: loop.files.folder(of: "thinking"), settings: welcome.settings))
        } catch let error as EngineStopped {
          return .misconfigured(error.reason)
        }
      }
    case .score(let group):
      // Beside each other, as many as the engine wants at once.
      loop.runAside { [scorer, fault] in
        do {
          try fault.passWork(.scoring)
          return .scored(try await scorer.score(group))
        } catch let error as EngineStopped {
          return .misconfigured(error.reason)
        } catch {
          return .scoringFailed(group.lease.id, reason: "\(error)")
        }
      }
    case .push(let group):
      loop.transport.push(loop.codec.encode(group), to: nil)
      fault.pass(.pushed)
    case .log(let level, let text): loop.log(level, text)
    case .finish: break
    }
  }
}
