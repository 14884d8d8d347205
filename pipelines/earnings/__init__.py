"""Truck counts to a sales nowcast, on firms that are made up and so have a truth."""
