/// What a rule's `mask` hides in replies.
///
/// The raw value is the word of profiles.
package enum MaskKind: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// An address of mail (RFC 5321 section 4.1.2), quoted local parts and address literals left out.
    case email
    /// 13 to 19 digits with a known issuer's beginning and the check digit of ISO/IEC 7812-1.
    case paymentCard = "payment-card"
    /// ISO 13616, with the length of its country and the check digits of ISO/IEC 7064 MOD 97-10.
    case iban
    /// E.164 with a plus sign, and the North American Numbering Plan with separators.
    case phone
    /// United States: social security number, as it is printed (20 CFR 422.103).
    case usSSN = "us-ssn"
    /// United Kingdom: National Insurance number (HMRC, NIM39110).
    case ukNINO = "uk-nino"
    /// Germany: Steuer-Identifikationsnummer (§ 139b AO), with its check digit.
    case deTaxID = "de-tax-id"
    /// France: numéro d'inscription au répertoire (INSEE), with its key.
    case frNIR = "fr-nir"
    /// Spain: DNI and NIE (Real Decreto 1553/2005), with their check letter.
    case esDNI = "es-dni"
    /// Italy: codice fiscale of a person (D.M. 23/12/1976), with its check letter.
    case itCodiceFiscale = "it-codice-fiscale"
    /// Poland: PESEL (Dz.U. 2010 nr 217 poz. 1427), with its check digit and date.
    case plPESEL = "pl-pesel"
    /// The body of a private key's PEM block (RFC 7468).
    case privateKey = "private-key"
    /// A token of a provider's known shape.
    case token

    /// Words that stand for several kinds.
    package enum Group: String, Sendable, CaseIterable {
        /// All that is about persons.
        case pii
        case nationalID = "national-id"
        case secrets

        package var kinds: MaskKinds {
            switch self {
            case .pii: MaskKinds.all.subtracting(Group.secrets.kinds)
            case .nationalID:
                [.usSSN, .ukNINO, .deTaxID, .frNIR, .esDNI, .itCodiceFiscale, .plPESEL]
            case .secrets: [.privateKey, .token]
            }
        }
    }

    /// What a word of a profile stands for; nil for an unknown one.
    package static func kinds(of word: String) -> MaskKinds? {
        MaskKind(rawValue: word).map { [$0] } ?? Group(rawValue: word)?.kinds
    }

    /// Every word, groups last.
    package static var words: [String] { allCases.map(\.rawValue) + Group.allCases.map(\.rawValue) }

    package static func < (left: MaskKind, right: MaskKind) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }
}
