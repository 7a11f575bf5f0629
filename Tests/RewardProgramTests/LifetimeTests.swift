import Foundation
import Glibc
@testable import RewardProgram
import Synchronization
import Testing

extension RealPrograms {
  @Suite("and its surroundings")
  struct LifetimeTests {
    @Test("stops at the end of its input")
    func stop() async throws {
      let log = LogLines()
      let program = RewardProgram.shell(Script.echo + "; echo bye >&2", log: log)
      #expect(try await program.rewards(requests(["0.5"])) == [0.5])
      await program.stop()
      #expect(log.all == ["bye"])
      #expect(Own.children.isEmpty)
      #expect(try await program.failure().code == "reward-program.stopped")
      await program.stop()
    }

    @Test("is killed if it ignores the end of its input")
    func stubborn() async throws {
      let program = RewardProgram.shell(
        Script.echo + "; trap '' TERM; while :; do sleep 1; done", farewell: .milliseconds(300))
      #expect(try await program.rewards(requests(["0.5"])) == [0.5])
      let time = await ContinuousClock().measure { await program.stop() }
      #expect((.milliseconds(290)..<(.seconds(2))).contains(time))
      #expect(Own.children.isEmpty)
    }

    @Test("fails the calls under way when it is stopped")
    func stopInTheMiddle() async throws {
      let program = RewardProgram.shell("while read -r line; do :; done")
      async let error = program.failure()
      #expect(await Own.comesTrue { !Own.children.isEmpty })
      await program.stop()
      #expect(try await error.code == "reward-program.stopped")
    }

    @Test("is killed when nobody holds it any more")
    func released() async throws {
      let descriptors = Own.descriptors
      do {
        let program = RewardProgram.shell(Script.echo + "; sleep 100")
        #expect(try await program.rewards(requests(["0.5"])) == [0.5])
      }
      #expect(await Own.comesTrue { Own.children.isEmpty && Own.descriptors <= descriptors + 1 })
    }

    @Test("is killed when the thread that started it ends, as all do with this process")
    func deathOfTheParent() async throws {
      let thread = Thread {
        Self.orphan.withLock { $0 = try? ChildProcess(["sleep", "100"], memoryBytes: nil) }
        // Long enough to be seen alive.
        usleep(200_000)
      }
      thread.start()
      #expect(await Own.comesTrue { Self.orphanPID != nil })
      let child = try #require(Self.orphanPID)
      #expect(isAlive(child))
      #expect(await Own.comesTrue { !isAlive(child) })
      let end = Self.orphan.withLock { $0.take()?.reap() }
      #expect(end == .killed(signal: SIGKILL))
    }

    private static let orphan = Mutex<ChildProcess?>(nil)
    private static var orphanPID: Int32? { orphan.withLock { $0?.pid } }

    @Test("returns from a cancelled call at once, and ignores its late answer")
    func cancel() async throws {
      let program = RewardProgram.shell(
        """
        \(Script.read)
        while next; do case $response in slow) sleep 1;; esac; answer $id 0.5; done
        """, restarts: 0)
      let slow = Task { try await program.failure(["slow"]) }
      #expect(await Own.comesTrue { !Own.children.isEmpty })
      let cancelled = ContinuousClock.now
      slow.cancel()
      #expect(try await slow.value.code == "reward-program.cancelled")
      #expect(ContinuousClock.now - cancelled < .milliseconds(500))
      #expect(try await program.rewards(requests(["0.5"])) == [0.5])
      // Cancelled before it calls.
      let never = Task {
        while !Task.isCancelled { await Task.yield() }
        return try await program.failure(["slow"])
      }
      never.cancel()
      #expect(try await never.value.code == "reward-program.cancelled")
      await program.stop()
    }

    @Test("has descriptors 0, 1 and 2 alone, default signals, and a group of its own")
    func surroundings() async throws {
      // Something to inherit.
      let descriptor = dup(1)
      defer { close(descriptor) }
      let before = signal(SIGPIPE, SIG_IGN)
      defer { signal(SIGPIPE, before) }
      let log = LogLines()
      let program = RewardProgram.shell(
        """
        \(Script.read)
        next
        for file in /proc/$$/fd/*; do [ ! -e $file ] || echo ${file##*/} >&2; done
        while read -r key value; do case $key in SigBlk:|SigIgn:) echo $key $value;; esac; done </proc/$$/status >&2
        read -r stat </proc/$$/stat; set -- ${stat##*)}; echo group $(($3 - $$)) >&2
        answer $id 1
        """, log: log)
      #expect(try await program.rewards(requests(["1"])) == [1])
      await program.stop()
      let lines = log.all
      #expect(lines.compactMap { Int($0) } == [0, 1, 2])
      #expect(lines.contains("SigBlk: 0000000000000000"))
      // 32 and up belong to the C library.
      let ignored = try #require(lines.first { $0.hasPrefix("SigIgn: ") }.flatMap { UInt64($0.dropFirst(8), radix: 16) })
      #expect(ignored & 0x7fff_ffff == 0)
      #expect(lines.contains("group 0"))
    }
  }
}
