import Sandbox
import Testing

struct IdentityMapTests {
    @Test(arguments: [
        ("         0          0 4294967295\n", true),  // the host
        ("0 0 1\n", false),  // unshare -r by root
        ("         0       1000          1\n", false),  // unshare -r
        ("0 1000 1\n1 100000 65536\n", false),  // a rootless container
        ("0 100000 1000000000\n1000000000 2000000000 1000000000\n", true),
        ("0 0 1950000000\n1950000000 1950000000 2000000000\n", false),  // in two pieces
        ("0 0 1999999999\n", false), ("1900000000 5 100000000\n", true),
        ("", false), ("0 0\n", false), ("0 0 x\n", false),
    ])
    func `Only a map that has every outside id gives agents one of their own`(text: String, isWhole: Bool) {
        #expect(IdentityMap(text).covers(1_900_000_000..<2_000_000_000) == isWhole)
    }
}
