import DataSets
import DurableFiles
import Foundation
import JudgeServer
import RunStore
import Synchronization
import Testing

/// Runs of the real program whose thinking is judged by a server, or whose answers are graded by a program of the user's.
@Suite(.serialized) struct ServedRewardRunTests {
  @Test("a served judge that fails every fourth time: every group is trained, and scores are the judge's or missing")
  func served() throws {
    let world = try World(.halfLearnt)
    let mischief = Mutex(JudgeMischief(share: 0.25, seed: 4))
    let server = try JudgeServer(key: "k3y", grade: { _ in 0.25 }, behave: { _ in mischief.withLock { $0.next() } })
    defer { server.close() }
    setenv("SERVED_TEST_KEY", "k3y", 1)
    let run = try world.run(
      "served", workers: 2,
      overrides: [
        "thinking.kind=served", "thinking.url=\(server.url)", "thinking.model=any", "thinking.keyVariable=SERVED_TEST_KEY",
        "thinking.requestSeconds=1", "thinking.waitSeconds=4", "algorithm.oneSided=include", "cluster.leaseSeconds=10",
      ])
    #expect(run.status == 0, "\(run.errors)")
    let reader = try world.reader("served")
    #expect(try reader.audit().problems == [])
    let groups = try (1...UInt32(World.steps)).flatMap { try #require(try reader.training(of: $0)).groups }
    #expect(groups.count == World.steps * World.promptsPerStep)
    let scores = groups.flatMap(\.thinking)
    #expect(scores.allSatisfy { $0 == nil || $0 == 0.25 } && scores.contains(0.25))
    #expect(server.requests > scores.count { $0 != nil })

    // Its journal has traces to learn from; those of a row that has been changed since are left out.
    let judge = try JudgeServer(grade: { _ in 0.5 })
    defer { judge.close() }
    func collect() throws -> World.Outcome {
      try world.sophia(
        [
          "trm", "collect", "\(world.folder)/served", "--labels", "judge", "--judge-url", judge.url, "--judge-model", "any",
          "--out", "\(world.folder)/traces",
        ], log: "collect")
    }
    let responses = World.steps * World.promptsPerStep * 4
    let collected = try collect()
    #expect(collected.status == 0 && collected.output.hasPrefix("\(responses) responses;"), "\(collected.output) \(collected.errors)")
    #expect(!collected.output.contains("of another row"))
    let file = "\(world.folder)/data/train.jsonl"
    let text = String(decoding: try DurableFiles.read(file), as: UTF8.self)
    try DurableFiles.write(text.replacingOccurrences(of: " + 1 ?", with: " + 1 = ?"), to: file)
    let changed = try collect()
    #expect(changed.status == 1 && changed.errors.contains("none is a trace to learn from: \(responses) of another row"), "\(changed.output) \(changed.errors)")
  }

  @Test("a judge that refuses the key ends the run, with what it says")
  func wrongKey() throws {
    let world = try World(.halfLearnt)
    let server = try JudgeServer(key: "right", grade: { _ in 0.25 })
    defer { server.close() }
    let run = try world.run(
      "refused", workers: 1,
      overrides: [
        "thinking.url=\(server.url)", "thinking.model=any", "thinking.requestSeconds=1", "thinking.waitSeconds=2",
        "algorithm.oneSided=include",
      ])
    #expect(run.status == 1)
    #expect(run.errors.contains("scorer-0 cannot do its work") && run.errors.contains("the key is wrong"), "\(run.errors)")
  }

  @Test("a program grades every answer; one that is not there ends the run by name")
  func program() throws {
    let world = try World(.halfLearnt)
    let program = "\(world.folder)/grade.sh"
    try DurableFiles.write(
      """
      #!/bin/sh
      # Half of the answers are worth 0.5.
      while read -r line; do
        id=$(printf '%s' "$line" | sed 's/.*"id":\\([0-9]*\\).*/\\1/')
        if [ $((id % 2)) -eq 0 ]; then reward=0.5; else reward=0; fi
        printf '{"id": %s, "reward": %s}\\n' "$id" "$reward"
      done
      """, to: program)
    let run = try world.run("program", workers: 1, overrides: ["rewards.program=[/bin/sh, \(program)]", "rewards.timeoutSeconds=4"])
    #expect(run.status == 0, "\(run.errors)")
    let reader = try world.reader("program")
    let outcomes = try (1...UInt32(World.steps)).flatMap { try #require(try reader.training(of: $0)).groups.flatMap(\.outcomes) }
    #expect(Set(outcomes) == [0, 0.5])
    let missing = try world.run("missing", workers: 1, overrides: ["rewards.program=[/no/such/program]", "rewards.timeoutSeconds=4"])
    #expect(missing.status == 1 && missing.errors.contains("/no/such/program"), "\(missing.errors)")
  }

  @Test("traces are collected from a run and from rows, labelled, split by problem and sampled evenly; a judge is asked once for each")
  func collection() throws {
    let world = try World()
    let out = "\(world.folder)/trm"
    func collect(_ arguments: [String]) throws -> World.Outcome {
      try world.sophia(["trm", "collect", "\(world.folder)/data/sft.jsonl", "--count", "20", "--held-out", "10"] + arguments, log: "collect")
    }
    let checked = try collect(["--labels", "checker", "--out", out])
    #expect(checked.status == 0, "\(checked.errors)")
    let taken = try DataFile.read("\(out)/trm.jsonl", use: .judging)
    let held = try DataFile.read("\(out)/trm-held-out.jsonl", use: .judging)
    #expect(!taken.isEmpty && !held.isEmpty)
    #expect(Set(taken.map { $0.problem + $0.images[0].path }).isDisjoint(with: held.map { $0.problem + $0.images[0].path }))
    let tenths = Dictionary(grouping: taken) { min(9, Int(($0.thinkingScore ?? 0) * 10 + 1e-9)) }
    #expect(tenths.values.allSatisfy { $0.count <= 2 })
    let again = try collect(["--labels", "checker", "--out", out + "-again"])
    #expect(again.output.replacingOccurrences(of: out + "-again", with: out) == checked.output)
    #expect(try DurableFiles.read("\(out)-again/trm.jsonl") == DurableFiles.read("\(out)/trm.jsonl"))

    let server = try JudgeServer(grade: { Double($0.thinking.utf8.count % 11) / 10 })
    defer { server.close() }
    let judge = ["--labels", "judge", "--judge-url", server.url, "--judge-model", "any", "--out", out + "-judged"]
    let judged = try collect(judge)
    #expect(judged.status == 0, "\(judged.errors)")
    let asked = server.requests
    #expect(asked > 0)
    #expect(try collect(judge).output == judged.output && server.requests == asked)
    for row in try DataFile.read("\(out)-judged/trm.jsonl", use: .judging) {
      let response = try #require(row.response)
      let thinking = try #require(response.firstRange(of: "<think>").map { response[$0.upperBound...] }?.components(separatedBy: "</think>").first)
      #expect(row.thinkingScore == Double(thinking.utf8.count % 11) / 10)
    }
  }
}
