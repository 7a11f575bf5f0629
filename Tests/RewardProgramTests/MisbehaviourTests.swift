import Glibc
import RewardProgram
import Testing

extension RealPrograms {
  @Suite("that breaks the protocol")
  struct MisbehaviourTests {
    /// The first program answers the first request with `line`; those after it behave.
    private static let lines: [(line: String, what: String)] = [
      ("garbage", "is not JSON"), ("", "is not JSON"), ("{\"id\":1,\"reward\":NaN}", "is not JSON"),
      ("{\"id\":1,\"reward\":Infinity}", "is not JSON"), ("\\377", "is not UTF-8"), ("[1, 0.5]", "integer \"id\""),
      ("{\"id\":\"1\",\"reward\":0.5}", "integer \"id\""), ("{\"reward\":0.5}", "integer \"id\""),
      ("{\"id\":-1,\"reward\":0.5}", "integer \"id\""), ("{\"id\":99,\"reward\":0.5}", "99, which it was not asked"),
      ("{\"id\":1,\"reward\":0.5}\\n{\"id\":1,\"reward\":0.5}", "1 a second time"),
    ]

    @Test("fails the calls by the line, is killed, and starts again", arguments: lines)
    func brokenLine(line: String, what: String) async throws {
      let program = RewardProgram.shell(
        """
        \(Script.read)
        next
        if [ $id = 1 ]; then printf '\(line)\\n'; exec sleep 100; fi
        answer $id $response; while next; do answer $id $response; done
        """)
      let error = try await program.failure(["0.5", "0.5"])
      #expect(error.code == "reward-program.not-an-answer")
      #expect(error.message.contains(what))
      // The line as printf writes it: what stands before its first escape, or what becomes of a byte that is not UTF-8.
      #expect(error.message.contains("'" + (line.hasPrefix("\\") ? "\u{FFFD}" : line.prefix { $0 != "\\" })))
      #expect(try await program.rewards(requests(["0.25"])) == [0.25])
      await program.stop()
    }

    @Test("may not write a line without end")
    func hugeLine() async throws {
      let program = RewardProgram.shell("read -r line; printf '{\"id\":1,'; yes | tr -d '\\n'", time: .seconds(30))
      let error = try await program.failure()
      #expect(error.message.contains("is longer than 65536 bytes: '{\"id\":1,yyy"))
      #expect(error.message.utf8.count < 1000)
      await program.stop()
    }

    @Test("may not answer more than it was asked")
    func tooMany() async throws {
      let program = RewardProgram.shell(
        Script.read + "next; i=0; while [ $i -lt 100 ]; do i=$((i+1)); answer $i 0.5; done; sleep 100")
      let first = try? await program.rewards(requests(["0.5"]))
      #expect(first == [0.5])
      // What came after the last answer killed the program; ids go on from there.
      #expect(await Own.comesTrue { Own.children.isEmpty })
      let error = try await program.failure()
      #expect(error.message.contains("answers request 1, which it was not asked"))
      await program.stop()
    }

    @Test("may not write while nothing is asked, which the log tells")
    func unasked() async throws {
      let log = LogLines()
      let program = RewardProgram.shell(Script.read + "next; answer $id 1; sleep 0.2; echo hello; exec sleep 100", log: log)
      #expect(try await program.rewards(requests(["1"])) == [1])
      #expect(await Own.comesTrue { Own.children.isEmpty })
      #expect(log.all.count == 1 && log.all.first?.contains("'hello'") == true)
      await program.stop()
    }

    @Test("and is slow loses the call at the deadline, and its late answer is nobody's")
    func late() async throws {
      let program = RewardProgram.shell(
        """
        \(Script.read)
        while next; do case $response in slow) sleep 100;; esac; answer $id $response; done
        """, time: .milliseconds(500))
      let started = ContinuousClock.now
      let error = try await program.failure(["0.5", "slow", "0.5"])
      #expect((.milliseconds(500)..<(.seconds(3))).contains(ContinuousClock.now - started))
      #expect(error.code == "reward-program.late")
      #expect(error.message.contains("1 of 3 answers"))
      #expect(try await program.rewards(requests(["0.25"])) == [0.25])
      await program.stop()
    }

    @Test("and ignores signals is killed with everything it has started")
    func hangs() async throws {
      let log = LogLines()
      let program = RewardProgram.shell(
        "trap '' TERM INT HUP; (trap '' TERM; sleep 100) & echo $! >&2; while :; do sleep 1; done",
        time: .milliseconds(300), log: log)
      #expect(try await program.failure().code == "reward-program.late")
      let grandchild = try #require(log.all.first.flatMap { Int32($0) })
      #expect(await Own.comesTrue { Own.children.isEmpty && !isAlive(grandchild) })
      await program.stop()
    }

    @Test("and never reads loses the call at the deadline")
    func neverReads() async throws {
      let program = RewardProgram.shell("exec sleep 100", time: .milliseconds(500))
      let error = try await program.failure(Array(repeating: String(repeating: "x", count: 1_000_000), count: 10))
      #expect(error.code == "reward-program.late")
      #expect(error.message.contains("0 of 10 answers"))
      await program.stop()
    }

    @Test("and closes a stream is killed if it does not end", arguments: [("0<&-", "input"), (">&-", "output")])
    func closes(redirection: String, stream: String) async throws {
      // As it is without anybody's care, SIGPIPE ends this process.
      let before = signal(SIGPIPE, SIG_DFL)
      defer { signal(SIGPIPE, before) }
      let program = RewardProgram.shell("exec \(redirection); exec sleep 100")
      // More than a pipe holds.
      let error = try await program.failure([String(repeating: "x", count: 1_000_000)])
      #expect(error.code == "reward-program.closed")
      #expect(error.message.contains("closed its \(stream)"))
      await program.stop()
    }

    @Test("and takes more memory than it may fails, and others do not")
    func memory() async throws {
      let script = """
        \(Script.read)
        while next; do
          [ $response != more ] || head -c 300000000 /dev/zero | tail -n 1 >/dev/null || exit 12
          answer $id $response
        done
        """
      let program = RewardProgram.shell(script, memoryBytes: 64 << 20)
      #expect(try await program.rewards(requests(["0.5"])) == [0.5])
      let error = try await program.failure(["more"])
      #expect(error.code == "reward-program.ended")
      #expect(error.message.contains("exit code 12") && error.message.contains("memory exhausted"))
      #expect(try await program.rewards(requests(["0.25"])) == [0.25])
      await program.stop()
    }
  }
}

/// Not as a zombie.
func isAlive(_ pid: Int32) -> Bool {
  let stat = Own.text("/proc/\(pid)/stat")
  return !stat.isEmpty && !stat.contains(") Z ")
}
