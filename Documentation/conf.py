# SPDX-License-Identifier: GPL-2.0-only
#
# For Sphinx, called by scripts/htmldocs.sh.  The extension for kernel-doc
# is the kernel's own, of the source tree in $KERNEL_SOURCE.

import os
import sys

KERNEL_SOURCE = os.environ["KERNEL_SOURCE"]
sys.path.insert(0, os.path.join(KERNEL_SOURCE, "Documentation", "sphinx"))

project = "padata and pcrypt"
root_doc = "index"
exclude_patterns = ["samples"]
html_theme = "alabaster"
html_show_copyright = False
smartquotes = False

extensions = ["kerneldoc"]
kerneldoc_bin = os.path.join(KERNEL_SOURCE, "scripts", "kernel-doc")
kerneldoc_srctree = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
primary_domain = "c"
highlight_language = "none"
