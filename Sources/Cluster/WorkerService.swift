internal import ActionableErrors
package import Rollout
internal import Wire

/// Carries out a worker's actions: sockets, model files, generation engine, clock.
package struct WorkerService: Sendable {
  private let transport: any PeerTransport
  private let generator: any GroupGenerator
  private let files: ArtifactCache
  private let log: @Sendable (LogLevel, String) -> Void
  private let mailbox = Mailbox<WorkerEvent>()
  private let clock = MonotonicClock()
  private let codec = Codec()

  package init(
    transport: any PeerTransport, generator: any GroupGenerator, files: ArtifactCache,
    log: @escaping @Sendable (LogLevel, String) -> Void
  ) {
    self.transport = transport
    self.generator = generator
    self.files = files
    self.log = log
  }

  package func stop(reason: String) {
    mailbox.post(.stop(reason: reason))
  }

  package func run(hello: Hello, settings: WorkerRole.Settings, seed: UInt64) async -> RunEnd {
    var role = WorkerRole(hello: hello, settings: settings, seed: seed, now: clock.now)
    let engine = JobLine()
    let receiving = receive()
    let ticking = tick()
    defer {
      receiving.cancel()
      ticking.cancel()
      engine.close()
    }
    mailbox.post(.tick)
    var end: RunEnd?
    for await event in mailbox.events {
      for action in role.receive(event, at: clock.now) {
        if case .finish(let how) = action { end = how } else { perform(action, engine) }
      }
      if end != nil { break }
    }
    await transport.close(linger: .milliseconds(500))
    return end ?? .failed(reason: "the worker's event stream ended")
  }

  private func perform(_ action: WorkerAction, _ engine: JobLine) {
    switch action {
    case .send(let message): transport.send(codec.encode(message))
    case .connect(let welcome):
      transport.connect(publishPort: welcome.publishPort, dataPort: welcome.dataPort, allowed: welcome.allowed)
    case .connectScorers(let scorers): transport.connectScorers(scorers)
    case .find(let artifacts): engine.add { [mailbox, files] in mailbox.post(.found(files.present(artifacts))) }
    case .keep(let artifact, let bytes):
      engine.add { [mailbox, files] in
        do { try files.keep(artifact, bytes: bytes) } catch { mailbox.post(.failed("\(error)")) }
      }
    case .prepare(let welcome):
      engine.add { [mailbox, files, generator] in
        do {
          try await generator.prepare(folder: files.folder(of: "policy"), settings: welcome.settings)
          mailbox.post(.prepared)
        } catch {
          mailbox.post(.failed("\(error)"))
        }
      }
    case .load(let manifest, let bytes):
      engine.add { [mailbox, generator] in
        do {
          try await generator.load(manifest, bytes: bytes)
          mailbox.post(.loaded(version: manifest.version))
        } catch {
          mailbox.post(.failed("version \(manifest.version): \(error)"))
        }
      }
    case .generate(let lease):
      engine.add { [mailbox, generator] in
        do {
          mailbox.post(.generated(try await generator.generate(lease)))
        } catch {
          mailbox.post(.generationFailed(lease.id, reason: "\(error)"))
        }
      }
    case .push(let group, let scorer): transport.push(codec.encode(group), to: scorer)
    case .log(let level, let text): log(level, text)
    case .finish: break
    }
  }

  private func receive() -> Task<Void, Never> {
    Task { [transport, mailbox, codec, log] in
      for await inbound in transport.inbound {
        do throws(WireError) {
          switch inbound {
          case .control(let frame): mailbox.post(.message(try codec.learnerMessage(frame)))
          case .published(let frame): mailbox.post(.published(try codec.publication(frame)))
          case .data: break
          case .failed(let error): mailbox.post(.failed("the transport: \(error)"))
          }
        } catch {
          log(.warning, "refused a message of the learner: \(error)")
        }
      }
    }
  }

  private func tick() -> Task<Void, Never> {
    Task { [mailbox] in
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(50))
        mailbox.post(.tick)
      }
    }
  }
}
