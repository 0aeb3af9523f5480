// As the one of float, for rows that need double precision.
kernel void blackscholes_double(global double *call, global const double *price, double strike,
                                double rate, double volatility, double years) {
    size_t i = get_global_id(0);
    double s = price[i], root = volatility * sqrt(years);
    double d1 = (log(s / strike) + (rate + 0.5 * volatility * volatility) * years) / root;
    double d2 = d1 - root;
    double n1 = 0.5 * erfc(-d1 * M_SQRT1_2), n2 = 0.5 * erfc(-d2 * M_SQRT1_2);
    call[i] = s * n1 - strike * exp(-rate * years) * n2;
}
