import Foundation
import Testing

@testable import Dashboard

@Suite("summary.json")
struct SummaryTests {
  @Test("it has the names that programs look for, in their order, and is JSON")
  func keys() throws {
    var content = ReportContent()
    content.seed = "3"
    content.baseAccuracy = 0.386
    content.trainedAccuracy = 0.794
    content.heldOutRows = 500
    content.stages = [.init("warm start", 48.25), .init("say \"hi\"\n\\", 1)]
    content.responsesPerSecond = 421.5
    content.groups = 960
    content.processes = [.init(role: "learner", number: 0, pid: 4711, host: "here", startedAt: 0)]
    content.policySHA256 = String(repeating: "ab", count: 32)
    let json = Summary(content).json
    let names = json.matches(of: /\n  "([a-z0-9_]+)":/).map { String($0.1) }
    #expect(
      names == [
        "seed", "base_accuracy", "trained_accuracy", "rows", "seconds", "responses_per_s", "groups_trained",
        "processes", "policy_sha256",
      ])
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect(object["seed"] as? Int == 3)
    #expect(object["base_accuracy"] as? Double == 0.386)
    #expect(object["trained_accuracy"] as? Double == 0.794)
    #expect(object["rows"] as? Int == 500)
    #expect(object["seconds"] as? [String: Double] == ["warm start": 48.25, "say \"hi\"\n\\": 1])
    #expect(object["responses_per_s"] as? Double == 421.5)
    #expect(object["groups_trained"] as? Int == 960)
    let processes = try #require(object["processes"] as? [[String: Any]])
    #expect(processes.count == 1)
    #expect(processes[0]["role"] as? String == "learner")
    #expect(processes[0]["pid"] as? Int == 4711)
    #expect(object["policy_sha256"] as? String == content.policySHA256)
  }

  @Test("what is not known is null, and the file is still JSON")
  func unknown() throws {
    var content = ReportContent()
    content.trainedAccuracy = .nan
    let json = Summary(content).json
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect(object["base_accuracy"] is NSNull)
    #expect(object["trained_accuracy"] is NSNull)
    #expect((object["processes"] as? [Any])?.isEmpty == true)
  }
}
