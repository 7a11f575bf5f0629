internal import ActionableErrors
package import Rollout
internal import Wire

/// Carries out a scorer's actions: sockets, model files, scoring engine, clock.
package struct ScorerService: Sendable {
  private let transport: any PeerTransport
  private let scorer: any GroupScorer
  private let files: ArtifactCache
  private let log: @Sendable (LogLevel, String) -> Void
  private let mailbox = Mailbox<ScorerEvent>()
  private let clock = MonotonicClock()
  private let codec = Codec()

  package init(
    transport: any PeerTransport, scorer: any GroupScorer, files: ArtifactCache,
    log: @escaping @Sendable (LogLevel, String) -> Void
  ) {
    self.transport = transport
    self.scorer = scorer
    self.files = files
    self.log = log
  }

  package func stop(reason: String) {
    mailbox.post(.stop(reason: reason))
  }

  package func run(hello: Hello, settings: ScorerRole.Settings, seed: UInt64) async -> RunEnd {
    var role = ScorerRole(hello: hello, settings: settings, seed: seed, now: clock.now)
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
    return end ?? .failed(reason: "the scorer's event stream ended")
  }

  private func perform(_ action: ScorerAction, _ engine: JobLine) {
    switch action {
    case .send(let message): transport.send(codec.encode(message))
    case .connect(let welcome):
      transport.connect(publishPort: welcome.publishPort, dataPort: welcome.dataPort, allowed: welcome.allowed)
    case .find(let artifacts): engine.add { [mailbox, files] in mailbox.post(.found(files.present(artifacts))) }
    case .keep(let artifact, let bytes):
      engine.add { [mailbox, files] in
        do { try files.keep(artifact, bytes: bytes) } catch { mailbox.post(.failed("\(error)")) }
      }
    case .prepare(let welcome):
      engine.add { [mailbox, files, scorer] in
        do {
          try await scorer.prepare(folder: files.folder(of: "thinking"), settings: welcome.settings)
          mailbox.post(.prepared)
        } catch {
          mailbox.post(.failed("\(error)"))
        }
      }
    case .score(let group):
      engine.add { [mailbox, scorer] in
        do {
          mailbox.post(.scored(try await scorer.score(group)))
        } catch {
          mailbox.post(.scoringFailed(group.lease.id, reason: "\(error)"))
        }
      }
    case .push(let group): transport.push(codec.encode(group), to: nil)
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
          case .data(let peer, let role, let frame):
            mailbox.post(.group(peer, role: role, try codec.responseGroup(frame)))
          case .published: break
          case .failed(let error): mailbox.post(.failed("the transport: \(error)"))
          }
        } catch {
          log(.warning, "refused a message: \(error)")
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
