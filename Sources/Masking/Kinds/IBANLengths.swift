/// Octets of an IBAN by its country, the two letters as one number.
///
/// SWIFT, IBAN Registry, release 98.
enum IBANLengths {
    static let byCountry: [UInt16: Int] = {
        var lengths: [UInt16: Int] = [:]
        for (length, countries) in table {
            let letters = Array(countries.utf8)
            for index in stride(from: 0, to: letters.count - 1, by: 3) {
                lengths[UInt16(letters[index]) << 8 | UInt16(letters[index + 1])] = length
            }
        }
        return lengths
    }()

    private static let table: [(Int, String)] = [
        (15, "NO"), (16, "BE"), (18, "DK FI FO GL NL SD FK"), (19, "MK SI"),
        (20, "AT BA EE KZ LT LU XK MN"), (21, "CH HR LI LV"),
        (22, "BG BH CR DE GB GE IE ME RS VA"), (23, "AE GI IL IQ OM SO TL"),
        (24, "AD CZ ES MD PK RO SA SE SK TN VG"), (25, "PT ST LY"), (26, "IS TR"),
        (27, "FR GR IT MC MR SM BI DJ"), (28, "AL AZ BY CY DO GT HN HU LB NI PL SV"), (29, "BR EG PS QA UA"),
        (30, "JO KW MU YE"), (31, "MT SC"), (32, "LC"), (33, "RU"),
    ]
}
