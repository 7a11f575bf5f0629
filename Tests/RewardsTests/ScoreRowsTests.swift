import DataSets
import Testing
import TrustGRPO

@testable import Rewards

@Suite("Scoring JSON lines")
struct ScoreRowsTests {
  private static func response(_ answer: String) -> String { "<think>a</think><answer>\(answer)</answer>" }

  private static func line(
    _ answers: [String], thinking: String, extra: String = #","step":0,"T":1500"#, type: String = "numerical"
  ) -> String {
    let responses = JSONValue.array(answers.map { .string(response($0)) }).serialized
    return #"{"problem_type":"\#(type)","solution":"<answer>4</answer>","responses":\#(responses),"thinking":\#(thinking)\#(extra)}"#
  }

  private func score(_ line: String, _ settings: TrustGRPOSettings = TrustGRPOSettings()) throws -> JSONValue {
    try JSONParser.parse(try ScoreRows(settings: settings).score(line, number: 1))
  }

  private func numbers(_ value: JSONValue?) -> [Double] { value?.elements?.compactMap(\.double) ?? [] }

  @Test("a hand-worked group, with a stable order of keys")
  func handWorked() throws {
    let line = try ScoreRows(settings: TrustGRPOSettings()).score(Self.line(["4", "5"], thinking: "[0.2,0.7]"), number: 1)
    #expect(line.hasPrefix(#"{"gamma":0.6065306597126334,"mu_c":0.2,"mu_w":0.7,"weight":0.18195919791379"#))
    #expect(line.contains(#""outcome":[1.0,0.0],"total":[1.036391"#))
    #expect(line.hasSuffix(#""one_sided":false,"zero_variance":false,"missing":0}"#))
    let row = try JSONParser.parse(line)
    #expect(numbers(row["advantage"])[0].isClose(to: 0.7071, within: 1e-4))
  }

  @Test("step and T anneal; T is the group's own, in mode released-code too", arguments: [TrustGRPOMode.paper, .releasedCode])
  func annealed(mode: TrustGRPOMode) throws {
    let row = try score(
      Self.line(["4", "5"], thinking: "[0.5,0.5]", extra: #","step":40,"T":40"#), TrustGRPOSettings(mode: mode, totalSteps: 7))
    #expect(try #require(row["weight"]?.double).isClose(to: 0.3 * 0.36787944117144233))
  }

  @Test("missing scores and one-sided groups are said, not hidden")
  func missing() throws {
    let none = try score(Self.line(["4", "5"], thinking: "null"))
    #expect(none["gamma"] == .null && none["mu_c"] == .null && none["missing"] == .integer(2))
    #expect(numbers(none["total"]) == [1, 0])
    let text = try score(Self.line(["4", "5", "6"], thinking: #"["Score: 7/10", null, "no idea"]"#))
    #expect(text["mu_c"] == .number(0.7) && text["mu_w"] == .null && text["missing"] == .integer(2))
    let oneSided = try score(Self.line(["4", "4"], thinking: "[0.1,0.9]"))
    #expect(oneSided["one_sided"] == .bool(true) && numbers(oneSided["total"]) == [1, 1])
    #expect(oneSided["zero_variance"] == .bool(true) && numbers(oneSided["advantage"]) == [0, 0])
    let included = try score(Self.line(["4", "4"], thinking: "[0.1,0.9]"), TrustGRPOSettings(oneSided: .include))
    #expect(included["gamma"] == .number(1) && numbers(included["total"])[1].isClose(to: 1.27))
  }

  @Test("what is written reads back to the very numbers that were computed")
  func precision() throws {
    let settings = TrustGRPOSettings(totalSteps: 1500)
    let row = try score(Self.line(["4", "5", "4"], thinking: "[0.1,0.7,0.3]", extra: #","step":77"#), settings)
    let direct = try GroupRewards.compute(outcomes: [1, 0, 1], thinking: [0.1, 0.7, 0.3], step: 77, settings: settings)
    #expect(numbers(row["total"]) == direct.totals && numbers(row["advantage"]) == direct.advantages)
    #expect(row["gamma"]?.double == direct.gamma && row["weight"]?.double == direct.weight)
  }

  @Test("a bad line is named with its field", arguments: [
    ("{", nil), ("[]", nil), ("{}", "problem_type"), (line(["4"], thinking: "[0.1]", type: "number"), "problem_type"),
    (#"{"problem_type":"text","responses":["a"]}"#, "solution"), (#"{"problem_type":"text","solution":"a"}"#, "responses"),
    (#"{"problem_type":"text","solution":"a","responses":[]}"#, "responses"),
    (#"{"problem_type":"text","solution":"a","responses":[1]}"#, "responses"),
    (#"{"problem_type":"text","solution":[],"responses":["a"]}"#, "solution"),
    (line(["4", "5"], thinking: "[0.1]"), "thinking"), (line(["4"], thinking: "0.1"), "thinking"),
    (line(["4"], thinking: "[true]"), "thinking"), (line(["4"], thinking: "[1]", extra: #","step":-1"#), "step"),
    (line(["4"], thinking: "[1]", extra: #","T":0"#), "T"), (line(["4"], thinking: "[1]", extra: #","T":"x""#), "T"),
  ] as [(String, String?)])
  func bad(line: String, field: String?) throws {
    var written: [String] = []
    let lines = [Self.line(["4"], thinking: "null"), "", line]
    let error = #expect(throws: ScoreRowError.self) {
      try ScoreRows(settings: TrustGRPOSettings()).run(lines) { written.append($0) }
    }
    #expect(error?.line == 3 && error?.field == field && written.count == 1, "\(String(describing: error))")
  }
}
