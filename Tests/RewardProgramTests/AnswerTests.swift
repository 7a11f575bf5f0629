import RewardProgram
import Testing

extension RealPrograms {
  @Suite("that keeps to the protocol")
  struct AnswerTests {
    @Test("is asked with one line of JSON for each response, ids counting up")
    func request() async throws {
      let log = LogLines()
      let program = RewardProgram.shell(
        Script.read + "while next; do printf '%s\\n' \"$line\" >&2; answer $id 1; done", log: log)
      let plain = RewardRequest(problem: "a / b", problemType: "text", solution: "ü", response: "1\n\"2\"\t\u{2028}")
      var pictured = plain
      pictured.images = ["/a/b.png", "c.jpg"]
      #expect(try await program.rewards([plain, pictured]) == [1, 1])
      #expect(try await program.rewards([plain]) == [1])
      await program.stop()
      let rest = #""problem":"a / b","problem_type":"text","response":"1\n\"2\"\t"# + "\u{2028}" + #"","solution":"ü"}"#
      #expect(
        log.all == [
          #"{"id":1,"# + rest, #"{"id":2,"images":["/a/b.png","c.jpg"],"# + rest, #"{"id":3,"# + rest,
        ])
    }

    @Test("gives each response its own reward, with the last bit")
    func rewards() async throws {
      let program = RewardProgram.shell(Script.echo)
      let wanted = [0, 1, 0.73, 1e-300, 0.1 + 0.2, 0x1.fffffffffffffp-1]
      #expect(try await program.rewards(requests(wanted.map { "\($0)" })) == wanted)
      #expect(try await program.rewards([]) == [])
      await program.stop()
    }

    @Test("may answer in any order, in pieces, and the last line without its line feed")
    func order() async throws {
      let program = RewardProgram.shell(
        """
        read -r a; read -r b; read -r c
        printf '{"id":3,"rew'; sleep 0.1; printf 'ard":0.3}\\n{"reward":1E-1,"id":1,"note":"ü"}\\r\\n'
        printf ' {"id" : 2, "reward" : 0.2} '
        """)
      #expect(try await program.rewards(requests(["", "", ""])) == [0.1, 0.2, 0.3])
      await program.stop()
    }

    @Test("may be asked by many callers at once")
    func callers() async throws {
      let program = RewardProgram.shell(Script.echo)
      try await withThrowingTaskGroup { group in
        for caller in 0..<50 {
          group.addTask {
            let wanted = (0..<20).map { Double(caller * 20 + $0) / 1000 }
            let rewards = try await program.rewards(requests(wanted.map { "\($0)" }))
            #expect(rewards == wanted)
          }
        }
        try await group.waitForAll()
      }
      await program.stop()
    }

    @Test("may write before it reads and read before it writes, when both pipes are full")
    func bothFull() async throws {
      // A mebibyte of answers goes out while as many requests are not read; every pipe holds 64 KiB.
      let program = RewardProgram.shell(
        """
        i=0; pad=$(printf '%0900d' 0)
        while [ $i -lt 1000 ]; do i=$((i+1)); echo "{\\"id\\":$i,\\"pad\\":\\"$pad\\",\\"reward\\":0.5}"; done
        cat >/dev/null
        """)
      let long = String(repeating: "x", count: 1000)
      let rewards = try await program.rewards(requests(Array(repeating: long, count: 1000)))
      #expect(rewards == Array(repeating: 0.5, count: 1000))
      await program.stop()
    }

    @Test("reads ten megabytes late, and still answers")
    func lateReader() async throws {
      let program = RewardProgram.shell(
        Script.read + "sleep 0.5; head -n 10 >/dev/null; for id in $(seq 1 10); do answer $id 1; done; cat")
      let long = String(repeating: "x", count: 1_000_000)
      #expect(try await program.rewards(requests(Array(repeating: long, count: 10))) == Array(repeating: 1, count: 10))
      await program.stop()
    }

    @Test("has its standard error in the log, whatever there is of it")
    func megabytesOfErrors() async throws {
      let log = LogLines()
      let program = RewardProgram.shell(
        """
        printf '\\377 first\\n' >&2; head -c 5000000 /dev/zero | tr '\\0' x >&2; echo >&2; yes word | head -n 400000 >&2
        \(Script.echo)
        """, log: log)
      #expect(try await program.rewards(requests(["0.5"])) == [0.5])
      await program.stop()
      let lines = log.all
      #expect(lines.first == "\u{FFFD} first")
      #expect(lines.dropFirst().first == String(repeating: "x", count: RewardProgramLimits.logLineBytes) + "…")
      #expect(lines.count == 400_002)
    }

    @Test("may refuse a response, which fails that call alone, and goes on")
    func refusal() async throws {
      let program = RewardProgram.shell(
        """
        \(Script.read)
        while next; do
          case $response in no) echo "{\\"id\\":$id,\\"error\\":\\"no such formula\\"}";; *) answer $id $response; esac
        done
        """, restarts: 0)
      async let other = program.rewards(requests(["0.25"]))
      let error = try await program.failure(["0.5", "no", "0.75"])
      #expect(error.code == "reward-program.refused")
      #expect(error.message.contains("no such formula"))
      #expect(try await other == [0.25])
      #expect(try await program.rewards(requests(["1"])) == [1])
      await program.stop()
    }

    @Test("whose reward is none fails the call by the line, and goes on", arguments: [
      ("1.01", "outside of 0 to 1"), ("-0.1", "outside of 0 to 1"), ("\"0.5\"", "not a number"), ("null", "not a number"),
      ("1, \"error\":\"but\"", "together"),
    ])
    func badReward(reward: String, what: String) async throws {
      let program = RewardProgram.shell(
        Script.read + "next; echo '{\"id\":1,\"reward\":\(reward)}'; while next; do answer $id 1; done", restarts: 0)
      let error = try await program.failure()
      #expect(error.code == "reward-program.bad-reward")
      #expect(error.message.contains(what) && error.message.contains("{\"id\":1,\"reward\":\(reward)}"))
      #expect(try await program.rewards(requests(["1"])) == [1])
      await program.stop()
    }
  }
}
