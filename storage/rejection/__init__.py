"""Objects that somebody took out of use, recoverable for a while (IHE RAD Imaging Object Change Management).

The truth is in files, as for everything else: a folder `rejected/<identifier>/` holds the rejection note, a Key Object
Selection document (PS3.3 A.35.4), and a JSON file that lists the objects. The objects themselves stay where they are,
so that who reads one of them may read on. The index hides them: their rows belong to no series any more, so that no
query of any level, no count and no retrieval meets them, and none of these has to think of it.

- The folder appears under its name in one rename, synced; that is the moment of the rejection. An index that was not
  told, or was made anew from the files, learns it from there (`settle`).
- To restore, the folder is renamed first and the index told after it. An index that still hides what no folder names
  was not told, and is (`settle`).
- When the retention time is over, the files of the objects are removed, then the folder, then their rows.
- One at a time rejects, restores, removes or settles, whichever process it is.
"""

from storage.rejection.model import Reason, Rejection, Target
from storage.rejection.rejections import Rejections
from storage.rejection.settling import settle

__all__ = ["Reason", "Rejection", "Rejections", "Target", "settle"]
