internal import ActionableErrors
package import Rollout
internal import WeightDeltas
internal import Wire

/// Carries out a worker's actions: sockets, model files, generation engine, clock.
package struct WorkerService: Sendable {
  private let loop: PeerLoop<WorkerEvent>
  private let generator: any GroupGenerator
  private let fault = FaultPoint.ofThisProcess(.worker)
  private let observe: (@Sendable (WorkerEvent) -> Void)?

  /// - Parameter observe: told of each event before the role takes it, to measure how long a worker waits.
  package init(
    transport: any PeerTransport, generator: any GroupGenerator, files: ArtifactCache,
    log: @escaping @Sendable (LogLevel, String) -> Void, report: @escaping @Sendable (RoleCondition) -> Void = { _ in },
    observe: (@Sendable (WorkerEvent) -> Void)? = nil
  ) {
    loop = PeerLoop(transport: transport, files: files, log: log, report: report)
    self.generator = generator
    self.observe = observe
  }

  /// Finishes what is under way and hands it in; a second call ends at once.
  package func stop(reason: String) {
    loop.stop(reason: reason)
  }

  package func run(hello: Hello, settings: WorkerRole.Settings, seed: UInt64) async -> RunEnd {
    var role = WorkerRole(hello: hello, settings: settings, seed: seed, now: loop.now)
    var reports = ReportPace()
    return await loop.run { inbound, codec throws(WireError) in
      guard case .published(let frame) = inbound else { return nil }
      return .published(try codec.publication(frame))
    } perform: { event in
      var end: RunEnd?
      observe?(event)
      pass(event)
      for action in role.receive(event, at: loop.now) {
        if case .finish(let how) = action { end = how } else { perform(action) }
      }
      if reports.isDue(at: loop.now) { loop.report(role.condition) }
      return end
    }
  }

  private func pass(_ event: WorkerEvent) {
    switch event {
    case .message(.lease): fault.pass(.leased)
    case .message(.durable): fault.pass(.acknowledged)
    case .generated: fault.pass(.generated)
    default: break
    }
  }

  private func perform(_ action: WorkerAction) {
    switch action {
    case .send(let message): loop.send(message)
    case .connect(let welcome): loop.connect(welcome)
    case .connectAnew: loop.transport.connectAnew()
    case .connectScorers(let scorers): loop.transport.connectScorers(scorers)
    case .find(let artifacts): loop.find(artifacts)
    case .keep(let artifact, let bytes): loop.keep(artifact, bytes: bytes)
    case .prepare(let welcome):
      loop.run { [loop, generator] in
        .prepared(
          resendAfter: try await generator.prepare(folder: loop.files.folder(of: "policy"), settings: welcome.settings))
      }
    case .findWeights:
      loop.run { [loop, generator] in
        do {
          return .foundWeights(try await generator.localWeights())
        } catch {
          loop.log(.warning, "the local model is not used: \(error)")
          return .foundWeights(nil)
        }
      }
    case .assemble(let assembly):
      loop.runAside { .assembled(assembly.manifest, assembly.assembled()) }
    case .load(let manifest, let bytes):
      loop.run { [generator] in
        do {
          try await generator.load(manifest, bytes: bytes)
          return .loaded(version: manifest.version)
        } catch {
          return .failed("version \(manifest.version): \(error)")
        }
      }
    case .generate(let lease):
      loop.runAside { [generator, fault] in
        fault.pass(.generating)
        do {
          return .generated(try await generator.generate(lease))
        } catch {
          return .generationFailed(lease.id, reason: "\(error)")
        }
      }
    case .push(let group, let scorer):
      loop.transport.push(loop.codec.encode(group), to: scorer)
      fault.pass(.pushed)
    case .log(let level, let text): loop.log(level, text)
    case .finish: break
    }
  }
}
