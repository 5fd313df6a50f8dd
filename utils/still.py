"""What an explorer leaves in a notebook that is saved: its picture, shown where the widget cannot come back.

A notebook opened again has a new kernel, which knows no widget of the old one: JupyterLab then says "model not found".
In place of that stands the picture, until the cell has run. It is hidden for as long as the widget before it lives, and
in front ends other than JupyterLab, Notebook and Voila.
"""

import base64
import html

# An output area is a row of children; the widget is in the one before the still picture's. A widget that could not come
# back has an element without any inside.
GONE = ".jp-OutputArea-child:has(.jupyter-widgets):not(:has(.jupyter-widgets *))"
STILL = ".jp-OutputArea-child:has(.explorer-still)"
STYLE = f"""
{STILL} {{ display: none; }}
{GONE} + {STILL} {{ display: flex; }}
{GONE}:has(+ .jp-OutputArea-child .explorer-still) {{ display: none; }}
.jp-OutputArea-child .explorer-still {{ display: block !important; }}
"""


def still(picture: bytes, caption: str, alt: str, width: str) -> str:
    """HTML that shows a picture only where the widget just before it is gone.

    Args:
        picture: PNG.
        caption: HTML, as the widget has it.
        alt: says in words what the picture is.
        width: of the picture, as CSS has it.
    """
    source = base64.b64encode(picture).decode()
    return (
        f'<style>{STYLE}</style><div class="explorer-still" style="display: none; max-width: {width}">'
        f'<img src="data:image/png;base64,{source}" alt="{html.escape(alt)}" style="width: 100%">'
        f"<p>{caption}</p><p><b>Run the notebook, and this picture moves.</b></p></div>"
    )
