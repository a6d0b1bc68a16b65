"""Pictures of ZApps, drawn: a character is seen only where a font has it, and many machines have none for emoji."""

from __future__ import annotations

import html

_LINES = {
    "book": '<rect x="5" y="3" width="14" height="18" rx="2"/><path d="M9 3v18M12.5 8H16M12.5 12H16"/>',
    "star": '<path d="M12 3l2.1 6.9L21 12l-6.9 2.1L12 21l-2.1-6.9L3 12l6.9-2.1z"/>',
    "rocket": '<path d="M12 3c3.5 2.5 4.5 6.5 3.5 11h-7C7.5 9.5 8.5 5.5 12 3zM8.5 11L5 14.5V18l3.5-2.5'
    'M15.5 11L19 14.5V18l-3.5-2.5M12 17v4"/><circle cx="12" cy="9" r="1.5"/>',
    "dots": '<circle cx="12" cy="6" r="3"/><circle cx="6" cy="17" r="3"/><circle cx="18" cy="17" r="3"/>'
    '<path d="M10.6 8.7L7.4 14.3M13.4 8.7l3.2 5.6M9 17h6"/>',
    "moon": '<path d="M19.5 14.5A8 8 0 1 1 9.5 4.5a6.5 6.5 0 0 0 10 10z"/>',
    "chart": '<path d="M4 20h16M7 16v-4M12 16V6M17 16v-7"/>',
    "data": '<ellipse cx="12" cy="6" rx="7" ry="3"/><path d="M5 6v12c0 1.7 3.1 3 7 3s7-1.3 7-3V6'
    'M5 12c0 1.7 3.1 3 7 3s7-1.3 7-3"/>',
    "bell": '<path d="M6 17h12l-1.5-2.5V10a4.5 4.5 0 0 0-9 0v4.5zM10.5 20h3"/>',
}
_DRAWN = {
    "book": "📓📒📔📕📗📘📙📚📖📝",
    "star": "✨⭐🌟💫⚡🔥",
    "rocket": "🚀🛰",
    "dots": "🟠🕸🧠🔗🧩",
    "moon": "😴🌙🛌💤",
    "chart": "📊📈📉",
    "data": "🗄💾🐘🛢",
    "bell": "🔔",
}
_BY_CHARACTER = {character: name for name, characters in _DRAWN.items() for character in characters}
_LETTER = 'font-size="12" text-anchor="middle" fill="currentColor" stroke="none"'
_FRAME = '<rect x="2.5" y="2.5" width="19" height="19" rx="5"/>'


def drawings() -> tuple[dict[str, str], dict[str, str]]:
    """What is drawn, by its name; and the names, by the characters that it stands for."""
    return dict(_LINES), dict(_BY_CHARACTER)


def picture(icon: str, title: str) -> str:
    """An SVG element for an icon, in the colour of the text around it; of one that is not drawn, the title's initial.

    Without meaning of its own: the title stands beside it.
    """
    drawing = _LINES.get(_BY_CHARACTER.get(icon.strip()[:1], ""))
    if drawing is None:
        initial = next((character for character in title if character.isalnum()), "?").upper()
        drawing = f'{_FRAME}<text x="12" y="16.2" {_LETTER}>{html.escape(initial)}</text>'
    return (
        '<svg class="zoe-picture" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6" '
        'stroke-linejoin="round" stroke-linecap="round" aria-hidden="true" focusable="false">'
        f"{drawing}</svg>"
    )
