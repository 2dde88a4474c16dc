"""Labelled images in memory: digits, folders of pictures and .npz files, split into train, validation and test.

The search is given `Data.search`, which has no test part; `Data.final` has one and is for the end of a run alone.

    parts      Part, SearchData, FinalData, Data, DataError
    archives   digits, .npz
    folders    class folders of pictures
    loading    load_data
"""

from nas.data.loading import load_data
from nas.data.parts import Data, DataError, FinalData, Part, SearchData

__all__ = ["Data", "DataError", "FinalData", "Part", "SearchData", "load_data"]
