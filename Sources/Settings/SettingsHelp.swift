extension LoadedSettings {
  /// A whole configuration with every default, which is itself one that can be read, and the released code's keys.
  package static var help: String {
    let defaults = RunSettings()
    var lines = [
      "# sophia train CONFIG.yaml [section.key=value ..]", "#",
      "# Every setting with its default. In keys, case, - and _ do not matter; null means absent.",
      "# Files are relative to the current folder. Overrides win over the file.", "",
    ]
    for (section, meaning) in SettingTable.sections {
      lines.append(commented("\(section):", meaning))
      for key in SettingTable.keys where key.path.hasPrefix(section + ".") {
        let name = key.path.dropFirst(section.count + 1)
        lines.append(commented("  \(name): \(key.show(defaults))", "\(key.meaning) (\(key.accepted))"))
      }
      lines.append("")
    }
    lines += [
      "# The released code's configuration is read too, told by its sections worker and trainer; algorithm.mode is then",
      "# released-code. Its keys, and what each is here:", "#",
    ]
    lines += ReleasedTable.keys.map { path, key in commented("#   \(path)", key.meaning, by: "") }
    lines.append("#")
    lines.append("# Without effect, and why:")
    lines.append("#")
    lines += ReleasedTable.machinery.map { path, why in commented("#   \(path)", why, by: "") }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func commented(_ text: String, _ comment: String, by mark: String = "# ") -> String {
    let width = 44
    return text + String(repeating: " ", count: max(2, width - text.count)) + mark + comment
  }
}

extension ReleasedKey {
  fileprivate var meaning: String {
    switch self {
    case .same(let own): own
    case .turned(let own, let accepted, _): "\(own); \(accepted)"
    case .only(let values, let why): "only \(values.joined(separator: " or ")): \(why)"
    case .ignored(let why): "no effect: \(why)"
    case .combined(.promptsPerUpdate): "optimizer.globalBatchSize, times worker.rollout.n"
    case .combined(.responsesPerMicroBatch): "optimizer.microBatchGroups, by worker.rollout.n"
    case .combined(.clipRatio): "algorithm.clipLow and clipHigh"
    case .combined(.usesKL): "false: algorithm.klCoefficient is 0"
    case .combined(.steps): "run.steps, in place of trainer.total_episodes"
    case .combined(.experiment): "run.folder: runs/NAME"
    }
  }
}
