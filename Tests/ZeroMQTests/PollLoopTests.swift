import Foundation
import Synchronization
import Testing
@testable import ZeroMQ

/// Lives on a loop and notes the order of what it is told.
private actor Notebook {
  nonisolated let loop: PollLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }
  private var notes: [(author: Int, number: Int)] = []
  private var received: [String] = []
  private var channel: Channel<Pull>?

  init(on loop: PollLoop) { self.loop = loop }

  func note(_ author: Int, _ number: Int) {
    notes.append((author, number))
  }

  func numbers(of author: Int) -> [Int] { notes.filter { $0.author == author }.map(\.number) }

  var isOnLoop: Bool { loop.isCurrent }

  func open() throws -> String {
    let channel = loop.register(try Socket<Pull>(loop.context, SocketOptions()))
    channel.onReceive = { [unowned self] in received += $0.texts }
    self.channel = channel
    return try channel.bind("tcp://127.0.0.1:*")
  }

  var count: Int { received.count }
}

@Suite("The poll loop")
struct PollLoopTests {
  @Test("an actor pinned to it runs on its thread and can use sockets directly")
  func pinnedActor() async throws {
    try await withLoop { loop in
      let notebook = Notebook(on: loop)
      #expect(await notebook.isOnLoop)
      #expect(!loop.isCurrent)
      let endpoint = try await notebook.open()
      let push = try Socket<Push>(ZeroMQContext(), SocketOptions())
      try push.connect(endpoint)
      for _ in 0..<10 { try push.send(["x"], within: patience) }
      let deadline = ContinuousClock.now + patience
      while await notebook.count < 10, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
      #expect(await notebook.count == 10)
    }
  }

  @Test("jobs from many threads all run, those of each thread in its order")
  func jobsInOrder() async throws {
    try await withLoop { loop in
      let notes = Mutex<[Int: [Int]]>([:])
      await withCheckedContinuation { continuation in
        let left = Atomic<Int>(8)
        DispatchQueue.global().async {
          DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for number in 0..<5000 {
              loop.submit { notes.withLock { $0[thread, default: []].append(number) } }
            }
            loop.submit { if left.subtract(1, ordering: .relaxed).newValue == 0 { continuation.resume() } }
          }
        }
      }
      for thread in 0..<8 { #expect(notes.withLock { $0[thread] } == Array(0..<5000)) }
    }
  }

  @Test("tasks that call a pinned actor are served in order")
  func actorCalls() async throws {
    try await withLoop { loop in
      let notebook = Notebook(on: loop)
      await withTaskGroup(of: Void.self) { group in
        for author in 0..<8 {
          group.addTask { for number in 0..<500 { await notebook.note(author, number) } }
        }
      }
      for author in 0..<8 { #expect(await notebook.numbers(of: author) == Array(0..<500)) }
    }
  }

  @Test("timers run in the order of their deadlines, never early, and not once cancelled")
  func timers() async throws {
    try await withLoop { loop in
      let fired = Inbox<(Int, Duration)>()
      let start = ContinuousClock.now
      try await loop.run {
        for delay in [30, 10, 20, 10] {
          loop.schedule(after: .milliseconds(delay)) { fired.put((delay, .now - start)) }
        }
        loop.cancel(loop.schedule(after: .milliseconds(15)) { fired.put((15, .now - start)) })
      }
      let seen = await fired.take(4)
      #expect(seen.map(\.0) == [10, 10, 20, 30])
      for (delay, after) in seen { #expect(after >= .milliseconds(delay)) }
    }
  }

  @Test("sockets, jobs and timers all progress while jobs and messages never end")
  func fairness() async throws {
    try await withLoop { loop in
      let counts = Mutex((messages: 0, timers: 0))
      let jobs = Atomic<Int>(0)
      let isOver = Atomic<Bool>(false)
      let endpoint = try await loop.run {
        let pull = loop.register(try Socket<Pull>(loop.context, SocketOptions()))
        pull.onReceive = { _ in counts.withLock { $0.messages += 1 } }
        return try pull.bind("tcp://127.0.0.1:*")
      }
      // Each job adds the next, so there is always one; the pusher sends without pause.
      @Sendable func breed() {
        guard !isOver.load(ordering: .relaxed) else { return }
        jobs.add(1, ordering: .relaxed)
        loop.submit(breed)
      }
      for _ in 0..<1000 { loop.submit(breed) }
      try await loop.run { repeatTimer() }
      @Sendable func repeatTimer() {
        counts.withLock { $0.timers += 1 }
        if !isOver.load(ordering: .relaxed) { loop.schedule(after: .milliseconds(1), repeatTimer) }
      }
      let pusher = Thread {
        guard let push = try? Socket<Push>(ZeroMQContext(), SocketOptions()) else { return }
        guard (try? push.connect(endpoint)) != nil else { return }
        while !isOver.load(ordering: .relaxed) { try? push.send(["x"], within: .milliseconds(100)) }
      }
      pusher.start()
      try await Task.sleep(for: .milliseconds(1500))
      isOver.store(true, ordering: .relaxed)
      let (messages, timers) = counts.withLock { $0 }
      #expect(messages > 1000)
      #expect(timers > 50)
      #expect(jobs.load(ordering: .relaxed) > 10000)
    }
  }

  @Test("what a peer cannot take waits, then is refused, and goes out in order when the peer reads again")
  func backPressure() async throws {
    try await withLoop { loop in
      let drained = Inbox<Bool>()
      let received = Inbox<Int>()
      let size = 100_000
      let (outcomes, pull) = try await loop.run {
        let options = SocketOptions.with { ($0.sendHighWaterMark, $0.receiveHighWaterMark) = (2, 2) }
        let pull = loop.register(try Socket<Pull>(loop.context, options))
        let endpoint = try pull.bind("tcp://127.0.0.1:*")
        let push = loop.register(try Socket<Push>(loop.context, options), queue: QueueLimits(messages: 5))
        push.onDrained = { drained.put(true) }
        try push.connect(endpoint)
        var outcomes: [SendOutcome] = []
        for number in 0..<1000 where outcomes.last != .full {
          var bytes = [UInt8](repeating: 0, count: size)
          bytes[0] = UInt8(truncatingIfNeeded: number)
          outcomes.append(try push.send([Message(bytes)]))
        }
        return (outcomes, OnLoop(value: pull))
      }
      #expect(outcomes.last == .full)
      #expect(outcomes.suffix(6) == [.queued(messages: 1), .queued(messages: 2), .queued(messages: 3),
        .queued(messages: 4), .queued(messages: 5), .full])
      try await loop.run { pull.value.onReceive = { received.put(Int($0.frames[0].withUnsafeBytes { $0[0] })) } }
      #expect(await received.take(outcomes.count - 1) == Array(0..<outcomes.count - 1))
      #expect(await drained.take(1) == [true])
    }
  }

  @Test("what waits for all targets of a router together is bounded")
  func routerTotal() async throws {
    try await withLoop { loop in
      let hellos = Inbox<String>()
      let (router, endpoint) = try await loop.run {
        let options = SocketOptions.with { ($0.sendHighWaterMark, $0.receiveHighWaterMark) = (1, 1) }
        let queue = QueueLimits(messages: 1000, bytes: 64 << 20, totalBytes: 80 << 20)
        let router = loop.register(try Socket<Router>(loop.context, options), queue: queue)
        router.onReceive = { hellos.put($0.texts[0]) }
        return (OnLoop(value: router), try router.bind("tcp://127.0.0.1:*"))
      }
      let context = try ZeroMQContext()
      let names = ["one", "two", "three"]
      let silent = try names.map { name in
        let dealer = SilentDealer(
          try Socket<Dealer>(context, .with { ($0.routingID, $0.receiveHighWaterMark) = (Array(name.utf8), 1) }))
        try dealer.hello(endpoint)
        return dealer
      }
      #expect(Set(await hellos.take(3)) == Set(names))
      let payload = [UInt8](repeating: 1, count: 1 << 20)
      let taken = try await loop.run {
        try names.map { name in
          var count = 0
          while count < 500, try router.value.send([Message(Array(name.utf8)), Message(payload)]) != .full { count += 1 }
          return count
        }
      }
      // The first may fill its own queue; what is left of the whole bounds the others. The system's buffers take some more.
      #expect(taken[0] >= 64 && taken.reduce(0, +) < 80 + 60, "\(taken)")
      withExtendedLifetime(silent) {}
    }
  }

  @Test("a router's slow target does not hold up the others, and a lost one is reported")
  func routerQueues() async throws {
    try await withLoop { loop in
      let hellos = Inbox<String>()
      let received = Inbox<Int>()
      let lost = Inbox<Int>()
      let (router, endpoint) = try await loop.run {
        let options = SocketOptions.with { ($0.sendHighWaterMark, $0.receiveHighWaterMark) = (2, 2) }
        let router = loop.register(try Socket<Router>(loop.context, options), queue: QueueLimits(messages: 5))
        router.onReceive = { hellos.put($0.texts[0]) }
        router.onUndeliverable = { lost.put($1) }
        return (OnLoop(value: router), try router.bind("tcp://127.0.0.1:*"))
      }
      let context = try ZeroMQContext()
      let slowOptions = SocketOptions.with {
        $0.routingID = Array("slow".utf8)
        $0.receiveHighWaterMark = 2
      }
      var slow: Socket<Dealer>? = try Socket<Dealer>(context, slowOptions)
      try slow?.connect(endpoint)
      try slow?.send(["hello"], within: patience)
      try await loop.run {
        let quick = loop.register(try Socket<Dealer>(loop.context, .with { $0.routingID = Array("quick".utf8) }))
        quick.onReceive = { received.put($0.byteCount) }
        try quick.connect(endpoint)
        _ = try quick.send(["hello"])
      }
      #expect(Set(await hellos.take(2)) == ["slow", "quick"])
      // The system's own buffers grow for a while, so what is full at first takes more a moment later.
      var refusals = 0
      while refusals < 3 {
        let outcomes = try await loop.run {
          try (0..<20).map { _ in try router.value.send(["slow", Message([UInt8](repeating: 0, count: 100_000))]) }
        }
        refusals = outcomes.allSatisfy { $0 == .full } ? refusals + 1 : 0
        try await Task.sleep(for: .milliseconds(50))
      }
      try await loop.run { for _ in 0..<5 { _ = try router.value.send(["quick", "for you"]) } }
      #expect(await received.take(5) == [7, 7, 7, 7, 7])
      slow = nil
      #expect(await lost.take(1).first ?? 0 > 0)
    }
  }

  @Test("it stops in bounded time with messages unsent, to peers that are absent and to one that does not read")
  func stopsWithUnsent() async throws {
    let context = try ZeroMQContext()
    let loop = try PollLoop(context: context)
    let other = try ZeroMQContext()
    let pull = try Socket<Pull>(other, .with { $0.receiveHighWaterMark = 1 })
    let endpoint = try pull.bind("tcp://127.0.0.1:*")
    try await loop.run {
      let options = SocketOptions.with {
        $0.linger = .milliseconds(300)
        $0.sendHighWaterMark = 2
      }
      for target in [endpoint, "tcp://127.0.0.1:1"] {
        let push = loop.register(try Socket<Push>(context, options))
        try push.connect(target)
        for _ in 0..<200 { _ = try push.send([Message([UInt8](repeating: 0, count: 50_000))]) }
      }
      let late = loop.register(try Socket<Push>(context, .with {
        $0.onlyForConnected = false
        $0.linger = .milliseconds(300)
      }))
      try late.connect("tcp://127.0.0.1:1")
      _ = try late.send(["never"])
    }
    let start = ContinuousClock.now
    try await loop.stop(within: .milliseconds(300))
    let took = ContinuousClock.now - start
    #expect(took < .seconds(5))
    #expect(throws: ZeroMQError.closed) { _ = try Socket<Pull>(context, SocketOptions()) }
    // Stopped, it still serves the actors that live on it.
    #expect(await Notebook(on: loop).isOnLoop)
    try await loop.stop()
  }

  @Test("what was queued when it stops is delivered if the peer reads")
  func deliversBeforeStopping() async throws {
    let other = try ZeroMQContext()
    let pull = try Socket<Pull>(other, SocketOptions())
    let endpoint = try pull.bind("tcp://127.0.0.1:*")
    let loop = try PollLoop(context: ZeroMQContext())
    try await loop.run {
      let push = loop.register(try Socket<Push>(loop.context, SocketOptions()))
      try push.connect(endpoint)
      for number in 0..<100 { #expect(try push.send([Message("\(number)")]) != .full) }
    }
    try await loop.stop(within: patience)
    for number in 0..<100 { #expect(try pull.receive(within: patience).message?.texts == ["\(number)"]) }
  }

  @Test("it uses no processor time while nothing happens and while it waits for an absent peer")
  func idle() async throws {
    try await withLoop { loop in
      try await loop.run {
        try Authenticator.start(on: loop, admitting: AllowList())
        let pull = loop.register(try Socket<Pull>(loop.context, SocketOptions()))
        pull.onReceive = { _ in }
        let endpoint = try pull.bind("tcp://127.0.0.1:*")
        let push = loop.register(try Socket<Push>(loop.context, SocketOptions()))
        try push.stayConnected(to: endpoint)
        let waiting = loop.register(try Socket<Push>(loop.context, SocketOptions()))
        try waiting.stayConnected(to: "tcp://127.0.0.1:1")
        _ = try waiting.send(["for nobody"])
        loop.schedule(after: .seconds(60)) {}
      }
      let processorTime: @Sendable () -> Duration = {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
      }
      let before = try await loop.run(processorTime)
      try await Task.sleep(for: .seconds(1))
      let after = try await loop.run(processorTime)
      #expect(after - before < .milliseconds(50))
    }
  }

  @Test("a hundred thousand messages pass, none lost, none twice")
  func volume() async throws {
    try await withLoop { loop in
      let count = 100_000
      let sum = Mutex((count: 0, total: 0))
      let done = Inbox<Bool>()
      let endpoint = try await loop.run {
        let pull = loop.register(try Socket<Pull>(loop.context, SocketOptions()))
        pull.onReceive = { message in
          let number = message.frames[0].withUnsafeBytes { $0.loadUnaligned(as: Int.self) }
          let seen = sum.withLock {
            $0.count += 1
            $0.total += number
            return $0.count
          }
          if seen == count { done.put(true) }
        }
        return try pull.bind("tcp://127.0.0.1:*")
      }
      let push = try Socket<Push>(ZeroMQContext(), SocketOptions())
      try push.connect(endpoint)
      for number in 0..<count {
        try push.send([Message(withUnsafeBytes(of: number) { Array($0) })], within: patience)
      }
      #expect(await done.take(1) == [true])
      #expect(sum.withLock { $0.total } == count * (count - 1) / 2)
    }
  }
}

/// Says hello and reads nothing.
private final class SilentDealer {
  private let socket: Socket<Dealer>

  init(_ socket: consuming Socket<Dealer>) {
    self.socket = socket
  }

  func hello(_ endpoint: String) throws {
    try socket.connect(endpoint)
    try socket.send(["hello"], within: patience)
  }
}
