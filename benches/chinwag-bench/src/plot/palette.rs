//! The colours of a drawing, and the style sheet that changes them on a dark page.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// What a colour is for, and what it is on a dark page.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    pub light: RGBColor,
    dark: RGBColor,
}

impl Role {
    const fn new(light: u32, dark: u32) -> Self {
        Self {
            light: rgb(light),
            dark: rgb(dark),
        }
    }
}

const fn rgb(hex: u32) -> RGBColor {
    let [_, red, green, blue] = hex.to_be_bytes();
    RGBColor(red, green, blue)
}

pub const PAPER: Role = Role::new(0xFF_FFFF, 0x18_1A1B);
pub const INK: Role = Role::new(0x1F_1F1F, 0xE6_E6E6);
pub const MUTED: Role = Role::new(0x5C_5C5C, 0xA8_A8A8);
pub const GRID: Role = Role::new(0xDE_DEDE, 0x36_393B);

/// Okabe and Ito's colours without their yellow, which white paper swallows. With any colour
/// vision, any two of these differ.
pub const LINES: [Role; 7] = [
    Role::new(0x00_72B2, 0x4B_9CEB),
    Role::new(0xD5_5E00, 0xF0_743A),
    Role::new(0x00_9E73, 0x1F_BF92),
    Role::new(0xCC_79A7, 0xE3_9AC4),
    Role::new(0xE6_9F00, 0xE6_9F00),
    Role::new(0x56_B4E9, 0xA5_DCFF),
    Role::new(0x00_0000, 0xF2_F2F2),
];

/// The style sheet tells kinds of lines apart by this, and gives both the same width.
pub const SOLID: u32 = 2;
pub const DASHED: u32 = 3;

pub fn roles() -> impl Iterator<Item = Role> {
    [PAPER, INK, MUTED, GRID].into_iter().chain(LINES)
}

pub fn style() -> String {
    let mut style = format!(
        "\n<style>\n\
         svg {{ max-width: 100%; height: auto; background: {}; }}\n\
         text {{ font-family: system-ui, \"Segoe UI\", \"DejaVu Sans\", sans-serif; }}\n\
         polyline {{ stroke-linejoin: round; }}\n\
         [stroke-width=\"{DASHED}\"] {{ stroke-width: {SOLID}; stroke-dasharray: 7 4; }}\n\
         @media (prefers-color-scheme: dark) {{\n\
         svg {{ background: {}; }}\n",
        hex(PAPER.light),
        hex(PAPER.dark)
    );
    for role in roles() {
        let (light, dark) = (hex(role.light), hex(role.dark));
        let _ = writeln!(
            style,
            "[fill=\"{light}\"] {{ fill: {dark}; }} [stroke=\"{light}\"] {{ stroke: {dark}; }}"
        );
    }
    style.push_str("}\n</style>");
    style
}

/// As plotters writes it.
pub fn hex(color: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2)
}
