import DurableFiles
import Foundation
import Rollout
import Synchronization
import Testing
import Threads
import Wire

@testable import Cluster

@Suite("The mailbox of a role")
struct MailboxTests {
  @Test("events are read in the order in which they came, across the waits of reader and giver")
  func order() async {
    let mailbox = Mailbox<Int>(bound: 4)
    let giver = Task { for number in 0..<5000 { await mailbox.offer(number, bytes: 1) } }
    for number in 0..<5000 { #expect(await mailbox.next() == number) }
    await giver.value
  }

  @Test("who offers waits while much is unread; who posts does not")
  func bound() async throws {
    let mailbox = Mailbox<Int>(bound: 3)
    let given = Mutex(0)
    let giver = Task {
      for number in 0..<10 {
        await mailbox.offer(number, bytes: 1)
        given.withLock { $0 = number }
      }
    }
    try await Task.sleep(for: .milliseconds(100))
    #expect(given.withLock { $0 } < 3)
    mailbox.post(99)
    mailbox.close()
    await giver.value
    #expect(await mailbox.next() == nil)
  }

  @Test("who offers waits while much is unread in bytes, however few events they are")
  func byteBound() async throws {
    let mailbox = Mailbox<Int>(bound: 100, byteBound: 10)
    let given = Mutex(0)
    let giver = Task {
      for number in 1...6 {
        await mailbox.offer(number, bytes: 4)
        given.withLock { $0 = number }
      }
    }
    try await Task.sleep(for: .milliseconds(100))
    #expect(given.withLock { $0 } == 2)
    for number in 1...6 { #expect(await mailbox.next() == number) }
    await giver.value
    #expect(given.withLock { $0 } == 6)
  }

  @Test("closing lets a waiting reader go")
  func close() async throws {
    let mailbox = Mailbox<Int>()
    let reader = Task { await mailbox.next() }
    try await Task.sleep(for: .milliseconds(20))
    mailbox.close()
    #expect(await reader.value == nil)
  }
}

@Suite("The journal's writer")
struct JournalWriterTests {
  @Test("what arrives while the disk is busy goes into one commit, in order, and the last ticket is reported")
  func batches() async throws {
    let journal = MemoryJournal(pause: 0.02)
    let (tickets, reported) = AsyncStream.makeStream(of: Int.self)
    let writer = JournalWriter(journal: journal) { outcome in
      if case .durable(let ticket) = outcome { reported.yield(ticket) }
    }
    let records = (1...200).map { JournalRecord.incarnation($0) }
    for (index, record) in records.enumerated() { writer.add([record], ticket: index + 1) }
    var last = 0
    for await ticket in tickets {
      #expect(ticket > last)
      last = ticket
      if last == 200 { break }
    }
    #expect(journal.records == records && journal.commits < 20)
  }

  @Test("a commit that failed is reported once and nothing is written after it")
  func failure() async throws {
    let journal = MemoryJournal(good: 1)
    let results = Mutex<[String]>([])
    let writer = JournalWriter(journal: journal) { outcome in
      results.withLock { $0.append(outcome.word) }
    }
    for ticket in 1...5 {
      writer.add([.incarnation(UInt32(ticket))], ticket: ticket)
      try await Task.sleep(for: .milliseconds(30))
    }
    #expect(results.withLock { $0 } == ["1", "failed"])
    #expect(journal.records == [.incarnation(1)] && journal.commits == 2)
  }

  @Test("while the disk is full nothing is lost or reported durable, and all of it is written once there is room")
  func diskFull() async throws {
    let journal = MemoryJournal(fullFor: 2)
    let (outcomes, reported) = AsyncStream.makeStream(of: String.self)
    let writer = JournalWriter(journal: journal) { reported.yield($0.word) }
    writer.add([.incarnation(1)], ticket: 1)
    var words: [String] = []
    for await word in outcomes {
      words.append(word)
      if words.count == 1 { writer.add([.incarnation(2)], ticket: 2) }
      if word == "2" { break }
    }
    #expect(words == ["paused: no space", "paused: no space", "2"])
    #expect(journal.records == [.incarnation(1), .incarnation(2)])
  }
}

extension JournalWriter.Outcome {
  fileprivate var word: String {
    switch self {
    case .durable(let ticket): "\(ticket)"
    case .paused(let reason): "paused: \(reason)"
    case .failed: "failed"
    }
  }
}

@Suite("An executor with a thread of its own")
struct ThreadExecutorTests {
  private actor Pinned {
    private let executor = ThreadExecutor(name: "pinned")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func thread() -> UInt { UInt(bitPattern: Thread.current.hash) ^ UInt(pthread_self()) }
  }

  @Test("every call runs on the same thread, whoever makes it, and each executor has its own")
  func oneThread() async {
    let (first, second) = (Pinned(), Pinned())
    let threads = await withTaskGroup(of: UInt.self) { group in
      for _ in 0..<200 { group.addTask { await first.thread() } }
      return await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(threads.count == 1)
    #expect(await !threads.contains(second.thread()))
  }

  @Test("an actor that is dropped in the middle of its call takes its thread with it in good order")
  func dropped() async {
    for _ in 0..<200 { _ = await Pinned().thread() }
  }
}

@Suite("The cache of model files")
struct ArtifactCacheTests {
  private func artifact(_ path: String, _ bytes: [UInt8]) -> Artifact {
    Artifact(path: path, byteCount: bytes.count, digest: SHA256Digest(of: bytes))
  }

  @Test("a file is present only while its bytes have the hash")
  func present() throws {
    let folder = try TemporaryFolder()
    let cache = ArtifactCache(root: folder.path)
    let (good, other) = (artifact("policy/a", [1, 2]), artifact("policy/a", [1, 3]))
    #expect(cache.present([good]) == [])
    try cache.keep(good, bytes: [1, 2])
    #expect(cache.present([good, other]) == [good.digest])
    try DurableFiles.write([1, 2, 3], to: "\(folder.path)/policy/a")
    #expect(cache.present([good]) == [])
  }

  @Test("peers that share a cache write the same file at once and never see half of it")
  func shared() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path
    let bytes = [UInt8](repeating: 5, count: 300_000)
    let artifact = artifact("policy/model", bytes)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<10 {
            try ArtifactCache(root: path).keep(artifact, bytes: bytes)
            guard ArtifactCache(root: path).present([artifact]) == [artifact.digest] else { return false }
          }
          return true
        }
      }
      for try await isWhole in group { #expect(isWhole) }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(path)/policy") == ["model"])
  }
}

@Suite("The in-memory transport")
struct InMemoryTransportTests {
  /// What has come by now.
  private func received(_ stream: AsyncStream<PeerInbound>, closing transport: any PeerTransport) async -> [String] {
    await transport.close(linger: .zero)
    var all: [String] = []
    for await inbound in stream {
      switch inbound {
      case .control(let frame): all.append("control \(frame.header) \(frame.payload?.bytes ?? [])")
      case .published(let frame): all.append("published \(frame.header)")
      case .data(let peer, let role, let frame): all.append("data \(peer) \(role.rawValue) \(frame.header)")
      case .failed: all.append("failed")
      }
    }
    return all
  }

  @Test("what is published reaches workers that have connected, and nobody else")
  func publish() async {
    let hub = InMemoryHub()
    let learner = hub.learner()
    let (worker, late, scorer) = (hub.peer("w", .worker), hub.peer("late", .worker), hub.peer("s", .scorer))
    for peer in [worker, scorer] as [any PeerTransport] { peer.connect(publishPort: 1, dataPort: 1, allowed: []) }
    learner.publish([1])
    #expect(await received(worker.inbound, closing: worker) == ["published [1]"])
    #expect(await received(late.inbound, closing: late) == [])
    #expect(await received(scorer.inbound, closing: scorer) == [])
  }

  @Test("a group reaches the scorer that its worker is connected to, and a frame that is to be lost reaches nobody")
  func push() async {
    let hub = InMemoryHub()
    let (worker, scorer) = (hub.peer("w", .worker), hub.peer("s", .scorer))
    let address = ScorerAddress(name: "s", endpoint: scorer.endpoint, publicKey: scorer.publicKey)
    worker.push([1], to: address)
    worker.connectScorers([address])
    worker.push([2], to: address)
    hub.lose { $0.plane == .data && $0.sender?.name == "w" }
    worker.push([3], to: address)
    #expect(await received(scorer.inbound, closing: scorer) == ["data w worker [2]"])
  }

  @Test("a payload travels beside its message")
  func payload() async throws {
    let hub = InMemoryHub()
    let (learner, worker) = (hub.learner(), hub.peer("w", .worker))
    worker.send([1])
    var speakers = learner.inbound.makeAsyncIterator()
    guard case .control(let peer, _, _)? = await speakers.next() else { return }
    learner.send(Frame([2], [3, 4]), to: peer)
    #expect(await received(worker.inbound, closing: worker) == ["control [2] [3, 4]"])
  }

  @Test("the learner hears who speaks and by which role; a second learner takes the place of the first")
  func control() async {
    let hub = InMemoryHub()
    let first = hub.learner()
    let worker = hub.peer("w", .worker)
    worker.send([1])
    let second = hub.learner()
    worker.send([2])
    first.publish([9])
    await second.close(linger: .zero)
    var heard: [String] = []
    for stream in [first.inbound, second.inbound] {
      for await case .control(let peer, let role, let frame) in stream { heard.append("\(peer) \(role.rawValue) \(frame.header)") }
    }
    #expect(heard == ["w worker [1]", "w worker [2]"])
  }
}
