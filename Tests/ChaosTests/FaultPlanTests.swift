import Chaos
import Testing

@Suite struct FaultPlanTests {
}
