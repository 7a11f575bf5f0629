import DataSets
import Testing

@testable import Rewards

@Suite("What the speed of the rules is measured on")
struct RewardsBenchmarkTests {
  @Test("responses keep to the format and are 200 tokens long, half of the answers are right")
  func workloads() {
    #expect(RewardsBenchmark.workloads.count == ProblemType.allCases.count + 2)
    for workload in RewardsBenchmark.workloads {
      #expect(workload.examples.allSatisfy { FormattedResponse($0.response) != nil })
      #expect(workload.examples.allSatisfy { 780...RewardsBenchmark.responseLength + 40 ~= $0.response.utf8.count })
      for (index, example) in workload.examples.enumerated() where [.numerical, .multipleChoice, .text].contains(example.type) {
        let number = workload.name.hasPrefix("mix") ? index / ProblemType.allCases.count : index
        #expect(
          outcomeReward(response: example.response, solution: example.solution, type: example.type) == (number % 2 == 0 ? 1 : 0),
          "\(example)")
      }
      let measured = workload.measured(seconds: 0)
      #expect(measured.responses == workload.examples.count && 0.3...0.8 ~= measured.meanReward, "\(workload.name)")
    }
  }
}
