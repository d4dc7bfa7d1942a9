//! An application that has only its tests here.
