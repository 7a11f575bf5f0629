internal import DurableFiles
internal import FuzzTargets
internal import Glibc

/// libFuzzer on one target: `sophia-fuzz --target=NAME [-FLAG=VALUE ...] [FOLDER ...]`. Without a target it lists them all, and
/// `--seeds=FOLDER` writes the inputs in binary form that the corpus began with.
///
/// libFuzzer has the main function, leaves flags with two dashes alone, and hands them on to the processes that it starts.
@_cdecl("LLVMFuzzerInitialize")
public func chooseTarget(
  _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  let texts = (0..<Int(count.pointee)).compactMap { arguments.pointee[$0].map { String(cString: $0) } }
  func value(of flag: String) -> String? { texts.first { $0.hasPrefix(flag) }.map { String($0.dropFirst(flag.count)) } }
  if let folder = value(of: "--seeds=") { writeSeeds(to: folder) }
  guard let name = value(of: "--target=") else {
    for target in FuzzTarget.all { print(target.name, target.maximumLength, target.dictionary ?? "-") }
    exit(0)
  }
  chosen = FuzzTarget.all.first { $0.name == name }
  if chosen == nil { fail("there is no target \(name)", 64) }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func runChosenTarget(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  _ = chosen?.run(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

/// Set once, before the first input, on the one thread that runs them all.
nonisolated(unsafe) private var chosen: FuzzTarget?

private func writeSeeds(to folder: String) -> Never {
  do {
    for seed in Seeds.all {
      mkdir("\(folder)/\(seed.target)", 0o755)
      try DurableFiles.write(seed.bytes, to: "\(folder)/\(seed.target)/\(seed.name)")
    }
  } catch {
    fail("\(error)", 1)
  }
  exit(0)
}

private func fail(_ reason: String, _ status: Int32) -> Never {
  let line = "sophia-fuzz: \(reason)\n"
  _ = write(STDERR_FILENO, line, line.utf8.count)
  exit(status)
}
