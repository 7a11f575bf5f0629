import RewardProgram
import Testing

extension RealPrograms {
  @Suite("that dies")
  struct RestartTests {
    @Test("fails the calls under way with its end and its last words, and starts again", arguments: [
      ("exit 3", "ended with exit code 3"), ("exit 0", "ended with exit code 0"), ("kill -9 $$", "was killed by signal 9"),
    ])
    func crash(last: String, end: String) async throws {
      let program = RewardProgram.shell(
        """
        \(Script.read)
        while next; do
          [ $response != die ] || { seq 1 7 >&2; echo no such table >&2; \(last); }
          answer $id $response
        done
        """)
      async let other = program.failure(["0.5", "die"])
      let error = try await program.failure(["die"])
      for error in [error, try await other] {
        #expect(error.code == "reward-program.ended")
        #expect(error.message.contains("\(end), and said last: 4 | 5 | 6 | 7 | no such table"))
      }
      #expect(try await program.rewards(requests(["0.25"])) == [0.25])
      await program.stop()
    }

    @Test("at once again and again is not started for ever, and the error tells its last end")
    func bound() async throws {
      let program = RewardProgram.shell("echo no license >&2; exit 7", restarts: 3)
      for _ in 0...3 { #expect(try await program.failure().code == "reward-program.ended") }
      for _ in 0..<100 {
        let error = try await program.failure()
        #expect(error.code == "reward-program.exhausted")
        #expect(error.message.contains("started again 3 times") && error.message.contains("ended with exit code 7"))
        #expect(error.message.contains("no license") && error.advice.contains("rewards.restarts"))
      }
      await program.stop()
    }

    @Test("starts later each time")
    func delays() async throws {
      let program = RewardProgram.shell("exit 1", restarts: 4, firstDelay: .milliseconds(100))
      var times: [Duration] = []
      for _ in 0...4 {
        times.append(try await ContinuousClock().measure { _ = try await program.failure() })
      }
      for (time, least) in zip(times.dropFirst(), [100, 200, 400, 800]) {
        #expect((.milliseconds(least - 20)..<(.milliseconds(least + 400))).contains(time))
      }
      await program.stop()
    }

    @Test("while nothing is asked starts again with the next call")
    func idle() async throws {
      let log = LogLines()
      let program = RewardProgram.shell(Script.read + "next; answer $id $response", log: log)
      for _ in 0..<3 {
        #expect(try await program.rewards(requests(["0.5"])) == [0.5])
        #expect(await Own.comesTrue { Own.children.isEmpty })
      }
      await program.stop()
      #expect(log.all == Array(repeating: "the reward program ended with exit code 0 while nothing was asked", count: 3))
    }

    @Test("leaves nothing of its group behind, and what it left does not hold up its end")
    func leftovers() async throws {
      let log = LogLines()
      let program = RewardProgram.shell("sleep 100 & echo $! >&2; exit 1", log: log)
      #expect(try await program.failure().code == "reward-program.ended")
      let leftover = try #require(log.all.first.flatMap { Int32($0) })
      #expect(await Own.comesTrue { !isAlive(leftover) })
      await program.stop()
    }

    @Test("or was never there is named", arguments: [
      ["/nowhere/reward"], ["no-such-program-anywhere", "x"], ["/etc/passwd"], [""], [],
    ])
    func missing(command: [String]) async throws {
      let program = RewardProgram(
        command: command, limits: RewardProgramLimits(time: .seconds(5), memoryBytes: nil, restarts: 1), log: { _ in })
      // As often as it is tried: it may have been put there.
      for _ in 0..<5 {
        let error = try await program.failure()
        let name = command.first ?? ""
        #expect(error.code == (name.isEmpty ? "reward-program.no-command" : "reward-program.not-started"))
        #expect(name.isEmpty || error.message.contains("'\(name)'"))
      }
      await program.stop()
    }

    @Test("fifty times leaves no process and no descriptor behind")
    func leaks() async throws {
      let descriptors = Own.descriptors
      let program = RewardProgram.shell(
        """
        \(Script.read)
        while next; do case $response in die) sleep 100 & exit 1;; bad) echo bad;; *) answer $id $response; esac; done
        """, restarts: 50, longestDelay: .milliseconds(1))
      #expect(try await program.rewards(requests(["0.5"])) == [0.5])
      let running = Own.descriptors
      for round in 0..<50 {
        _ = try await program.failure([round % 2 == 0 ? "die" : "bad"])
        #expect(try await program.rewards(requests(["0.5"])) == [0.5])
        #expect(Own.children.count == 1)
      }
      #expect(Own.descriptors == running)
      await program.stop()
      #expect(Own.children.isEmpty)
      #expect(await Own.comesTrue { Own.descriptors <= descriptors + 1 })
    }
  }
}
