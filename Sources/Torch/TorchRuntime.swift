internal import CTorch
internal import Foundation

/// libtorch in this process: its version, threads, determinism and devices.
package enum TorchRuntime {
  package static var version: String { String(cString: ctorch_version()) }

  /// Threads that one operation may use on the processor.
  package static var threads: Int { Int(ctorch_threads()) }

  /// Sets the threads of one operation, for the whole process, and lets it keep freed memory for the next step. Sums are split among them: bits may change with the count.
  package static func setThreads(_ count: Int) throws(TorchError) {
    try Tensor.check("set_num_threads", []) { ctorch_set_threads(CInt(clamping: count)) }
  }

  /// Refuses every operation of which libtorch has no deterministic form.
  package static func setDeterministic(_ flag: Bool = true) throws(TorchError) {
    try Tensor.check("use_deterministic_algorithms", []) { ctorch_set_deterministic(flag ? 1 : 0) }
  }

  /// The number of CUDA devices. Opens the CUDA half of libtorch, which the first call waits for.
  ///
  /// - Throws: `torch.no-cuda` with the reason if that half is not installed, or no device answers.
  package static func cudaDeviceCount() throws(TorchError) -> Int {
    var devices: CInt = 0
    guard ctorch_open_cuda(&devices) == 0 else {
      throw TorchError(
        code: "torch.no-cuda", message: "CUDA is not available: \(String(cString: ctorch_last_error()))",
        advice: "use device cpu, or install an NVIDIA driver and libtorch's CUDA libraries (torch==\(version) with its nvidia wheels)")
    }
    return Int(devices)
  }

  /// - Throws: `torch.no-cuda` unless tensors can be made on `device`.
  @inline(__always)
  static func require(_ device: Device) throws(TorchError) {
    if case .cuda(let index) = device { try requireCUDA(index) }
  }

  private static func requireCUDA(_ index: Int) throws(TorchError) {
    let count = try cudaDeviceCount()
    guard index < count else {
      throw TorchError(
        code: "torch.no-cuda", message: "there is no device cuda:\(index), only \(count)", advice: "use a smaller index")
    }
  }

  /// What this process holds in memory, bytes; nil where the system does not say.
  package static var residentBytes: Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// The most that this process has held in memory, bytes; nil where the system does not say.
  package static var peakResidentBytes: Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kilobytes = line.split(separator: " ").compactMap({ Int($0) }).first
    else { return nil }
    return kilobytes << 10
  }

  /// Floating-point operations a second in float32 products of `size` x `size` matrices, the best of five.
  package static func matmulRate(size: Int = 512, on device: Device = .cpu) throws(TorchError) -> Double {
    try withoutGradient { () throws(TorchError) -> Double in
      let a = try Tensor.ones([size, size], on: device)
      let clock = ContinuousClock()
      var best = Double.infinity
      for _ in 0..<6 {
        let start = clock.now
        _ = try a.matmul(a).selected(0, 0).selected(0, 0).item()  // waits for the device
        let seconds = (clock.now - start) / .seconds(1)
        best = min(best, seconds)
      }
      return 2 * Double(size * size * size) / best
    }
  }
}
