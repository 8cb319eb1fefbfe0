//! Decimals of GMX's tokens on Arbitrum, as its list of tokens had them in July 2026, and the tokens that collateral is held in.

/// Decimals and the symbols that have them; all others have 18.
const DECIMALS: &[(i32, &str)] = &[
    (5, "MEW BONK"),
    (
        6,
        "BOME STX XRP USDC USDC.e USDT ATOM TIA TRX WIF SATS ADA TRUMP MELANIA FARTCOIN PENGU JUP MOODENG ALGO XAUT",
    ),
    (7, "XLM"),
    (8, "APT BTC WBTC.b DOGE LTC BCH ICP HYPE SPX6900 HBAR CRO KAS ZEC DASH"),
    (9, "FLOKI TAO SOL SUI TON AI16Z JTO"),
    (10, "DOT"),
    (12, "XMR AR"),
    (24, "NEAR"),
];

/// Symbols with 18.
const EIGHTEEN: &str = "APE APE_deprecated MEME ETH WLD tBTC EIGEN SHIB SEI UNI LINK ARB DAI BNB AAVE AVAX OP ORDI GMX PEPE PENDLE wstETH USDe POL RENDER FIL INJ DYDX ENA ANIME LDO BERA VIRTUAL ONDO FET AIXBT CAKE S MKR OM DOLO ZRO CRV PI PUMP MNT OKB CVX AERO BRETT WLFI WELL VVV MORPHO ZORA KTA XPL ASTER 0G AVNT LINEA SKY MON SYRUP CHZ XAUT.v2 IP LIT CC MET GOLD SILVER WTIOIL BRENTOIL NATGAS MEGA SPCX";

/// Decimals of a token, if it is known.
pub(super) fn decimals(symbol: &str) -> Option<i32> {
    let listed = |names: &str| names.split(' ').any(|n| n == symbol);
    DECIMALS
        .iter()
        .find(|row| listed(row.1))
        .map(|row| row.0)
        .or_else(|| listed(EIGHTEEN).then_some(18))
}

/// What collateral can be held in: address, symbol.
const COLLATERAL: &[(&str, &str)] = &[
    ("0x82aF49447D8a07e3bd95BD0d56f35241523fBab1", "ETH"),
    ("0x6c84a8f1c29108F47a79964b5Fe888D4f4D0dE40", "tBTC"),
    ("0x2f2a2543B76A4166549F7aaB2e75Bef0aefC5B0f", "WBTC.b"),
    ("0x2bcC6D6CdBbDC0a4071e48bb3B969b06B3330c07", "SOL"),
    ("0xFa7F8980b0f1E64A2062791cc3b0871572f1F7f0", "UNI"),
    ("0xf97f4df75117a78c1A5a0DBb814Af92458539FB4", "LINK"),
    ("0x912CE59144191C1204E64559FE8253a0e49E6548", "ARB"),
    ("0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USDC"),
    ("0xFF970A61A04b1cA14834A43f5dE4533eBDDB5CC8", "USDC.e"),
    ("0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9", "USDT"),
    ("0xDA10009cBd5D07dd0CeCc66161FC93D7c9000da1", "DAI"),
    ("0xfc5A1A6EB076a2C7aD06eD22C90d7E710E35ad0a", "GMX"),
    ("0x5d3a1Ff2b6BAb83b63cd9AD0787074081a52ef34", "USDe"),
];

/// The token at an address, if collateral is held in it.
pub(super) fn collateral(address: &str) -> Option<&'static str> {
    COLLATERAL
        .iter()
        .find(|c| c.0.eq_ignore_ascii_case(address))
        .map(|c| c.1)
}
