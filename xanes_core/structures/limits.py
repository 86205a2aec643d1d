"""How much of a structure file is handled, and why no more.

Every limit is checked before the memory or the time that it bounds is spent. The numbers are rules
of thumb with room to spare for anything real; what lies beyond is a mistake in units or an attack.
"""

from __future__ import annotations

#: Largest file (bytes): a trajectory of 1,000,000 atoms in xyz has some 50 MB.
MAX_BYTES = 64 * 1024 * 1024
#: Most atoms one structure may hold; the environment of an absorber needs no more.
MAX_ATOMS = 10_000
#: Most frames one file may hold: a long trajectory.
MAX_FRAMES = 10_000
#: Most atoms in all frames of a file together: each takes some 100 bytes of memory for a session.
MAX_TOTAL_ATOMS = 1_000_000
#: Longest word of a file (characters): numbers and labels are short, and what searches a word may
#: take the square of its length.
MAX_WORD = 10_000
#: Longest line (characters): comments of extended xyz and lines of texts in cif stay far below.
MAX_LINE = 100_000
#: Most data blocks of a cif file: databases export a few hundred structures at once.
MAX_BLOCKS = 2_000
#: Most tags of a data block: refinements write some 500, proteins of the PDB 2,000.
MAX_TAGS = 20_000
#: Most images that symmetry operations make of the sites of a file, coinciding ones included: a
#: site on the highest symmetry of a cubic group has 48 that coincide, and a full cell 10,000 atoms.
MAX_IMAGES = 48 * MAX_ATOMS
#: Most distances that are measured to tell what labels of a cif file mean, those to images counted:
#: 200 labels that leave a choice, in a cell of 10,000 atoms.
MAX_LABEL_DISTANCES = 2_000_000
#: Most atoms that an absorber may see within 6 A. Diamond has 159 there, titanium hydride 154, a
#: metal complex 30 to 90; of features and their changes the cost grows with the square of it.
MAX_SEEN_ATOMS = 200
#: Most atoms and periodic images that are looked at to find those near an absorber. A full cell of
#: 10,000 atoms has 270,000; each takes 60 bytes for a moment.
MAX_CANDIDATES = 1_000_000
#: Most absorbers whose surroundings are compared, to predict each kind of them once.
MAX_COMPARED_SITES = 2_000
#: Most absorbers with surroundings of their own that are predicted for one average, unless more are
#: asked for: each takes some 20 ms.
MAX_AVERAGED_SITES = 100
