import Runs
import Testing

struct TransportBenchmarkTests {
  @Test func everySizeIsMeasuredWithCurveAndWithout() async throws {
    var benchmark = TransportBenchmark()
    benchmark.sizes = [1, 1000, 3 << 20]
    benchmark.duration = .milliseconds(50)
    let measurements = try await benchmark.run()
    #expect(measurements.map(\.curve) == [false, false, false, true, true, true])
    #expect(measurements.map(\.messageBytes) == [1, 1000, 3 << 20, 1, 1000, 3 << 20])
    for measurement in measurements {
      #expect(measurement.messages > 0 && measurement.seconds >= 0.05 && measurement.roundTripMicroseconds > 1)
      #expect(measurement.messagesPerSecond > 0 && measurement.megabytesPerSecond > 0)
    }
  }
}
